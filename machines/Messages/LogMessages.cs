using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>To a node: somebody wants a piece of the log of one of its ranks. Asked again until the node's view holds the answer.</summary>
public sealed record LogWanted(LogQuestion Question) : GrainMessage;

/// <summary>To a worker: give a piece of a log.</summary>
public sealed record LogAsked(LogQuestion Question) : CoordinatorMessage;

/// <summary>What is wanted of a log.</summary>
/// <param name="Id">Names the question: its answer carries it.</param>
/// <param name="Job">The job.</param>
/// <param name="Rank">The rank.</param>
/// <param name="Generation">The generation; 0: the newest that the node has a log of.</param>
/// <param name="From">The place in the log; below 0: so many bytes before its end.</param>
/// <param name="MostBytes">Most bytes of the answer.</param>
public sealed record LogQuestion(string Id, JobId Job, int Rank, long Generation, long From, int MostBytes)
{
    /// <summary>
    /// Of a training job, the index of the rank's gpu: the log is that of the program's process on it, and generations are its starts
    /// there, since a process outlives generations of its job. Null: a gang's rank.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Gpu { get; init; }
}

/// <summary>A worker's answer to <see cref="LogAsked"/>.</summary>
public sealed record LogRead : WorkerMessage
{
    /// <summary>Most bytes of a piece.</summary>
    public const int MostBytes = 64 << 10;

    /// <summary>The question.</summary>
    public required string Id { get; init; }

    /// <summary>Whether there is such a log.</summary>
    public required bool Found { get; init; }

    /// <summary>The generation that it is of.</summary>
    public long Generation { get; init; }

    /// <summary>The newest generation that the node has a log of; 0: none, or an older worker speaks.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Newest { get; init; }

    /// <summary>Where the piece begins: later than asked where that has been dropped.</summary>
    public long From { get; init; }

    /// <summary>Where the log ends now.</summary>
    public long End { get; init; }

    /// <summary>The piece, base64.</summary>
    [JsonConverter(typeof(Base64Text))]
    public string Bytes { get; init; } = "";
}
