using System.Text.Json.Serialization;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Storage;

namespace Coordinator.Server.Api;

/// <summary>What every answer that is a JSON object begins with.</summary>
public abstract record ApiBody
{
    /// <summary>The version of this API.</summary>
    public const string Version = "v1";

    /// <summary><see cref="Version"/>.</summary>
    [JsonPropertyOrder(-1)]
    public string ApiVersion { get; init; } = Version;
}

/// <summary>Something is wrong with a request, or with the silo.</summary>
public sealed record ErrorBody : ApiBody
{
    /// <summary>What is wrong.</summary>
    public required string Error { get; init; }

    /// <summary>What to do about it.</summary>
    public required string Remedy { get; init; }

    /// <summary>Everything that is wrong with a job, where that is what it is about.</summary>
    public IReadOnlyList<JobProblem>? Problems { get; init; }
}

/// <summary>Something that is wrong with a job spec.</summary>
/// <param name="Error">What is wrong.</param>
/// <param name="Field">Dotted path of the member, such as <c>training.batchSize</c>; null where it is none in particular.</param>
/// <param name="Remedy">What to do about it.</param>
public sealed record JobProblem(string Error, string? Field, string Remedy)
{
    /// <summary>
    /// All that is wrong with a spec, in the API's words: every silo's <see cref="Hosting.SiloServerOptions.ValidateJob"/>.
    /// </summary>
    public static IReadOnlyList<JobProblem> Of(JobSpec spec) =>
        [.. JobSpecValidator.ValidateSubmitted(spec).Select(
            problem => new JobProblem($"{problem.Field} is {problem.Value} but must be {problem.Rule}", problem.Field, problem.Remedy))];
}

/// <summary>A job was taken in.</summary>
public sealed record SubmittedBody : ApiBody
{
    /// <summary>The job.</summary>
    public required JobId Id { get; init; }

    /// <summary>Whether the job was there before, with the same spec.</summary>
    public bool Existed { get; init; }
}

/// <summary>Jobs.</summary>
public sealed record JobsBody : ApiBody
{
    /// <summary>The jobs, by id.</summary>
    public required IReadOnlyList<JobView> Items { get; init; }
}

/// <summary>Gangs.</summary>
public sealed record GangsBody : ApiBody
{
    /// <summary>The gangs, by id.</summary>
    public required IReadOnlyList<GangView> Items { get; init; }
}

/// <summary>A piece of a rank's log.</summary>
public sealed record LogBody : ApiBody
{
    /// <summary>The job.</summary>
    public required JobId Job { get; init; }

    /// <summary>The rank.</summary>
    public required int Rank { get; init; }

    /// <summary>The node that it is of.</summary>
    public required NodeId Node { get; init; }

    /// <summary>Whether there is such a log.</summary>
    public required bool Found { get; init; }

    /// <summary>The generation that it is of; of a training job, the start of the program on its gpu, counted from 1.</summary>
    public required long Generation { get; init; }

    /// <summary>The newest generation that the node has a log of.</summary>
    public long Newest { get; init; }

    /// <summary>The gpu that it is of, where the job trains.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Gpu { get; init; }

    /// <summary>Where the piece begins.</summary>
    public required long From { get; init; }

    /// <summary>Where the log ends now.</summary>
    public required long End { get; init; }

    /// <summary>The piece, base64.</summary>
    [JsonConverter(typeof(Base64Text))]
    public required string Bytes { get; init; }
}

/// <summary>Nodes.</summary>
public sealed record NodesBody : ApiBody
{
    /// <summary>The nodes, by id.</summary>
    public required IReadOnlyList<NodeView> Items { get; init; }
}

/// <summary>Gpus.</summary>
public sealed record GpusBody : ApiBody
{
    /// <summary>The gpus, by id.</summary>
    public required IReadOnlyList<GpuView> Items { get; init; }
}

/// <summary>Cooling zones.</summary>
public sealed record CoolingBody : ApiBody
{
    /// <summary>The zones, by name.</summary>
    public required IReadOnlyList<CoolingZoneView> Items { get; init; }
}

/// <summary>Drains.</summary>
public sealed record DrainsBody : ApiBody
{
    /// <summary>What is drained, by name.</summary>
    public required IReadOnlyList<DrainView> Items { get; init; }
}

/// <summary>What is to be drained, or given work again.</summary>
public sealed record DrainRequest
{
    /// <summary>The longest time that a drain may wait: whoever means longer means no deadline.</summary>
    public static TimeSpan LongestDeadline { get; } = TimeSpan.FromDays(40);

    /// <summary>Nodes, by name; null: none.</summary>
    public IReadOnlyList<string>? Nodes { get; init; }

    /// <summary>Gpus, as <c>node/index</c>; null: none.</summary>
    public IReadOnlyList<string>? Gpus { get; init; }

    /// <summary>Labels, each as <c>key=value</c>: all nodes that have all of them now; null: none.</summary>
    public IReadOnlyList<string>? Labels { get; init; }

    /// <summary>Why; a drain needs it.</summary>
    public string? Reason { get; init; }

    /// <summary>Who wants it.</summary>
    public string? By { get; init; }

    /// <summary>How long work that is there may go on, milliseconds; null: it leaves when the job can go on without.</summary>
    public long? DeadlineMs { get; init; }
}

/// <summary>Whether a gpu may be given work, by an operator's word.</summary>
public sealed record MarkRequest
{
    /// <summary><c>bad</c> or <c>good</c>.</summary>
    public string? Health { get; init; }

    /// <summary>Why.</summary>
    public string? Reason { get; init; }

    /// <summary>Who says so.</summary>
    public string? By { get; init; }
}

/// <summary>Events.</summary>
public sealed record EventsBody : ApiBody
{
    /// <summary>The events, by rising ordinal.</summary>
    public required IReadOnlyList<StoredEvent> Items { get; init; }

    /// <summary>Ordinal to ask behind next time.</summary>
    public required long Next { get; init; }
}

/// <summary>Applied steps.</summary>
public sealed record StepsBody : ApiBody
{
    /// <summary>The steps, in the order in which they were recorded.</summary>
    public required IReadOnlyList<StoredStep> Items { get; init; }

    /// <summary>Ordinal to ask behind next time.</summary>
    public required long Next { get; init; }
}

/// <summary>A file was taken in.</summary>
public sealed record StoredFileBody : ApiBody
{
    /// <summary>Its SHA-256, lower-case hexadecimal.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Its size.</summary>
    public required long Bytes { get; init; }

    /// <summary>Whether it was there before.</summary>
    public bool Existed { get; init; }
}

/// <summary>A silo.</summary>
public sealed record InfoBody : ApiBody
{
    /// <summary>Its name.</summary>
    public required string Silo { get; init; }

    /// <summary>What hosts its grains: <c>orleans</c>; older silos may say <c>embedded</c>.</summary>
    public required string Engine { get; init; }

    /// <summary>The coordinator's version.</summary>
    public required string CoordinatorVersion { get; init; }

    /// <summary>Version of the worker protocol.</summary>
    public required int Protocol { get; init; }

    /// <summary>Its process.</summary>
    public required int ProcessId { get; init; }

    /// <summary>When it started, UTC.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>Workers connected now.</summary>
    public required int Workers { get; init; }
}

/// <summary>Whether a silo is well.</summary>
public sealed record HealthBody : ApiBody
{
    /// <summary>Whether it is.</summary>
    public required bool Healthy { get; init; }

    /// <summary>What is wrong with it; null: nothing.</summary>
    public string? Problem { get; init; }
}
