using Coordinator.Machines;

namespace Coordinator.Cli.View;

/// <summary>Where a view's data comes from: a silo, or what a test made up. Every call may fail as HTTP calls do.</summary>
public interface IRunSource
{
    /// <summary>The job now.</summary>
    Task<JobView> JobAsync(CancellationToken cancel);

    /// <summary>All nodes now.</summary>
    Task<IReadOnlyList<NodeView>> NodesAsync(CancellationToken cancel);

    /// <summary>Recorded steps behind the ordinal <paramref name="after"/>, in the order of recording; perhaps not all at once.</summary>
    Task<StepPage> StepsAsync(long after, CancellationToken cancel);

    /// <summary>Stored events after the ordinal <paramref name="after"/>, in order; waits up to <paramref name="wait"/> for one.</summary>
    Task<IReadOnlyList<OrdinalEvent>> EventsAsync(long after, TimeSpan wait, CancellationToken cancel);
}

/// <summary>A stored event and its place in the order of all events.</summary>
public sealed record OrdinalEvent(long Ordinal, TimedEvent Event);

/// <summary>Some recorded steps, and the ordinal to ask behind next time.</summary>
public sealed record StepPage(IReadOnlyList<StepRecord> Steps, long Next);
