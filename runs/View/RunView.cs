namespace Coordinator.Runs.View;

/// <summary>What a person sees of a run, in words and numbers, before any drawing.</summary>
public sealed record RunView
{
    /// <summary>What the run is.</summary>
    public required string Title { get; init; }

    /// <summary>Phase of the job: waiting, forming, running, finished, failed; starting before there is one.</summary>
    public required string Phase { get; init; }

    /// <summary>Why, one line; empty where there is nothing to say.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Why no equal bits are promised of it; empty: they are.</summary>
    public string NoPromise { get; init; } = "";

    /// <summary>Steps recorded.</summary>
    public long Done { get; init; }

    /// <summary>Steps of the run.</summary>
    public long Total { get; init; }

    /// <summary>Time since the run began.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Estimate of the time left; null while there is nothing to go by.</summary>
    public TimeSpan? Left { get; init; }

    /// <summary>Loss by step, ascending, averaged down to at most <see cref="RunViewBuilder.LossPoints"/> values.</summary>
    public IReadOnlyList<double> Losses { get; init; } = [];

    /// <summary>Loss of the last step.</summary>
    public double? Loss { get; init; }

    /// <summary>Tokens a second over the last seconds; null while there is nothing to go by.</summary>
    public double? TokensPerSecond { get; init; }

    /// <summary>Generation in force.</summary>
    public long Generation { get; init; }

    /// <summary>Members failed so far.</summary>
    public int Failures { get; init; }

    /// <summary>A row for each worker.</summary>
    public IReadOnlyList<WorkerRow> Workers { get; init; } = [];

    /// <summary>The last events, oldest first.</summary>
    public IReadOnlyList<EventLine> Events { get; init; } = [];

    /// <summary>Something out of the ordinary that a person should know now; empty where there is nothing.</summary>
    public string Notice { get; init; } = "";

    /// <summary>A worker's process id to try <c>kill -9</c> on; null where none computes or none is ours.</summary>
    public int? Victim { get; init; }
}

/// <summary>A worker of a run.</summary>
/// <param name="Name">Its node.</param>
/// <param name="Pid">Its process id; null where none is known.</param>
/// <param name="Ranks">Its ranks in the job: <c>0</c>, <c>2-3</c>, or a dash.</param>
/// <param name="State">What it does, in a word.</param>
/// <param name="Tone">Whether that is good.</param>
/// <param name="Applied">Steps applied by its slowest rank; null where it holds none.</param>
/// <param name="Connected">Whether the silo hears it.</param>
public sealed record WorkerRow(string Name, int? Pid, string Ranks, string State, Tone Tone, long? Applied, bool Connected);

/// <summary>An event as a line.</summary>
/// <param name="Time">When.</param>
/// <param name="Text">What, with its cause.</param>
/// <param name="Tone">Whether that is good.</param>
public sealed record EventLine(DateTimeOffset Time, string Text, Tone Tone);

/// <summary>What colour a terminal gives it.</summary>
public enum Tone
{
    /// <summary>As it should be.</summary>
    Good,

    /// <summary>Neither good nor bad.</summary>
    Plain,

    /// <summary>On the way back.</summary>
    Warning,

    /// <summary>A loss.</summary>
    Bad,
}
