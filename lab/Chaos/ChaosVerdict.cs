namespace Coordinator.Lab.Chaos;

/// <summary>How a scenario ended.</summary>
public enum ChaosVerdict
{
    /// <summary>It was carried out, and everything held.</summary>
    Passed,

    /// <summary>Something did not hold, or it could not be carried out to its end in time.</summary>
    Failed,

    /// <summary>This machine lacks what it needs; nothing is known.</summary>
    Skipped,
}

/// <summary>A row of the report.</summary>
/// <param name="Scenario">Name of the scenario.</param>
/// <param name="Verdict">How it ended.</param>
public sealed record ChaosResult(string Scenario, ChaosVerdict Verdict)
{
    /// <summary>What was done, in order.</summary>
    public IReadOnlyList<ChaosDeed> Deeds { get; init; } = [];

    /// <summary>Why it failed or was skipped; several reasons where several things did not hold.</summary>
    public IReadOnlyList<string> Reasons { get; init; } = [];

    /// <summary>Longest time from a blow until the run was whole again; null where none was measured.</summary>
    public TimeSpan? Recovery { get; init; }

    /// <summary>Wall time of the run.</summary>
    public TimeSpan Took { get; init; }

    /// <summary>Steps of the job.</summary>
    public long Steps { get; init; }

    /// <summary>Steps that were computed again on a newer timeline.</summary>
    public long Again { get; init; }

    /// <summary>Members that were failed.</summary>
    public int Failures { get; init; }

    /// <summary>SHA-256 of the model file.</summary>
    public string? ModelSha256 { get; init; }

    /// <summary>Folder with the logs of a run that failed.</summary>
    public string? Logs { get; init; }
}
