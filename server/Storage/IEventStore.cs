using Coordinator.Machines;

namespace Coordinator.Server.Storage;

/// <summary>Stored events and steps, from which every view is computed.</summary>
public interface IEventStore
{
    /// <summary>Ends with the next commit that stores an event or a step. Take it before reading, and nothing is missed.</summary>
    Task Changed { get; }

    /// <summary>Events that match, by rising ordinal.</summary>
    Task<IReadOnlyList<StoredEvent>> ReadEventsAsync(EventFilter filter, CancellationToken cancel = default);

    /// <summary>Steps of a job behind an ordinal, by rising ordinal: the order in which they were recorded.</summary>
    Task<IReadOnlyList<StoredStep>> ReadStepsAsync(JobId job, long after, int limit, CancellationToken cancel = default);
}
