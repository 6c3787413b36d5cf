using Coordinator.Machines;
using Coordinator.Runs.Processes;

namespace Coordinator.Runs.View;

/// <summary>An event with the time at which a silo stored it.</summary>
public sealed record TimedEvent(DateTimeOffset Time, CoordinatorEvent Event);

/// <summary>
/// Everything that is known of a run at one moment, as polled from a silo and, for processes of our own, from their supervisors.
/// A view is a function of this and of nothing else.
/// </summary>
public sealed record RunData
{
    /// <summary>When it was collected.</summary>
    public required DateTimeOffset Now { get; init; }

    /// <summary>When the run began, for the elapsed time.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>What the run is, in a few words: <c>disturbed run</c>.</summary>
    public string Title { get; init; } = "";

    /// <summary>The job as last heard; null before the first answer.</summary>
    public JobView? Job { get; init; }

    /// <summary>The nodes as last heard.</summary>
    public IReadOnlyList<NodeView> Nodes { get; init; } = [];

    /// <summary>Stored events of the job and its nodes, oldest first.</summary>
    public IReadOnlyList<TimedEvent> Events { get; init; } = [];

    /// <summary>Recorded steps, ascending.</summary>
    public IReadOnlyList<StepRecord> Steps { get; init; } = [];

    /// <summary>How long the silo has not answered; null while it does.</summary>
    public TimeSpan? SiloAway { get; init; }

    /// <summary>Whether a supervisor of ours starts the silo again when it is away.</summary>
    public bool SiloSupervised { get; init; }

    /// <summary>Worker processes that are ours, by node name; empty when attached to somebody else's.</summary>
    public IReadOnlyList<ChildStatus> Children { get; init; } = [];

    /// <summary>What happened to those processes, and what was done to them, oldest first.</summary>
    public IReadOnlyList<ChildNote> Notes { get; init; } = [];
}
