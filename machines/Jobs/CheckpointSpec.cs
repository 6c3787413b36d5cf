using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Machines.Jobs;

/// <summary>When a job saves its state, what it keeps, and when it goes back to what it saved. Decides no bit of the model.</summary>
public sealed record CheckpointSpec
{
    /// <summary>
    /// <c>auto</c>: by Young and Daly, from the failures and the cost of saving that the job observes; <c>off</c>; a number of steps
    /// (<c>500</c>); or a time (<c>10m</c>). See <see cref="CheckpointInterval"/>.
    /// </summary>
    public string Interval { get; init; } = "auto";

    /// <summary>Newest checkpoints that are kept. At least 1.</summary>
    public int KeepLatest { get; init; } = 2;

    /// <summary>Checkpoints of steps that are a multiple of this are kept for good; 0: none.</summary>
    public long KeepEvery { get; init; }

    /// <summary>
    /// How long a job waits for a worker that may hold its state before it goes back to the newest checkpoint. It does not wait where
    /// the processes that held the state are all known to be gone.
    /// </summary>
    public TimeSpan RestoreAfter { get; init; } = TimeSpan.FromSeconds(10);
}
