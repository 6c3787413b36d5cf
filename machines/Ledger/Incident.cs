namespace Coordinator.Machines.Ledger;

/// <summary>
/// One interruption of a job, from the last step before it to the first one after it. All that failed meanwhile belongs to it, since
/// nobody could tell those apart by the steps.
/// </summary>
public sealed record Incident
{
    /// <summary>When the last step before it was applied.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The ledger's cause: one of <see cref="LedgerCause"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>Whether something failed; else somebody wanted it.</summary>
    public required bool IsFailure { get; init; }

    /// <summary>What was seen first, for people: who failed, how, and who said so.</summary>
    public required string FirstCause { get; init; }

    /// <summary>The node where it began, where it began at one.</summary>
    public NodeId? Node { get; init; }

    /// <summary>The gpu where it began, where it began at one.</summary>
    public GpuId? Gpu { get; init; }

    /// <summary>The last step before it.</summary>
    public long? Step { get; init; }

    /// <summary>The generation that followed it; null: none has yet.</summary>
    public long? Generation { get; init; }

    /// <summary>Gpus that failed or left after the first one.</summary>
    public IReadOnlyList<GpuId> Followed { get; init; } = [];

    /// <summary>From the last step to the first sign, s: the step that was lost, and the time until somebody noticed.</summary>
    public double DetectSeconds { get; init; }

    /// <summary>From the first sign until the next membership was durable, s.</summary>
    public double DecideSeconds { get; init; }

    /// <summary>From there until all members had answered where they stand, s: they connect, and prepare where they are new.</summary>
    public double ReconnectSeconds { get; init; }

    /// <summary>From the plans to the first step, s: states are sent, what was lost is computed again, and the step itself.</summary>
    public double ResumeSeconds { get; init; }

    /// <summary>Waits for gpus on the way, s; in none of the others.</summary>
    public double WaitSeconds { get; init; }

    /// <summary>Steps that it has undone.</summary>
    public long UndoneSteps { get; init; }

    /// <summary>Rank-seconds that it cost, ranks that were missing afterwards not counted.</summary>
    public double RankSeconds { get; init; }

    /// <summary>From the last step before it to the first one after it, s; for one that goes on, until now.</summary>
    public double Seconds { get; init; }

    /// <summary>Whether the job has not come out of it.</summary>
    public bool GoesOn { get; init; }
}
