using Coordinator.Machines;

namespace Coordinator.Runs.View;

/// <summary>Where a view's data comes from: a silo, or what a test made up. Every call may fail as HTTP calls do.</summary>
public interface IRunSource
{
    /// <summary>The job now.</summary>
    Task<JobView> JobAsync(CancellationToken cancel);

    /// <summary>All nodes now.</summary>
    Task<IReadOnlyList<NodeView>> NodesAsync(CancellationToken cancel);

    /// <summary>Recorded steps behind the ordinal <paramref name="after"/>, in the order of recording; perhaps not all at once.</summary>
    Task<StepPage> StepsAsync(long after, CancellationToken cancel);

    /// <summary>Stored events behind the ordinal <paramref name="after"/>, in order; waits up to <paramref name="wait"/> for one.</summary>
    Task<EventPage> EventsAsync(long after, TimeSpan wait, CancellationToken cancel);
}

/// <summary>Some stored events, and the ordinal to ask behind next time: the one asked behind where there is nothing more.</summary>
public sealed record EventPage(IReadOnlyList<TimedEvent> Events, long Next);

/// <summary>Some recorded steps, and the ordinal to ask behind next time.</summary>
public sealed record StepPage(IReadOnlyList<StepRecord> Steps, long Next);
