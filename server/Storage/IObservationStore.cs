using Coordinator.Machines;

namespace Coordinator.Server.Storage;

/// <summary>Takes what grains observe, turn by turn, for an engine whose grain states are stored elsewhere. Thread-safe.</summary>
public interface IObservationStore
{
    /// <summary>
    /// Stores a turn's <see cref="ObserveEvent"/> and <see cref="ObserveSteps"/>; ends when they are durable, however long storage is away.
    /// </summary>
    /// <param name="grain">Whose turn it was.</param>
    /// <param name="incarnation">Incarnation of the grain; 0 for a grain that keeps none.</param>
    /// <param name="observations">What it observed, in order.</param>
    /// <returns>False, and nothing is stored, when a higher incarnation of the grain has stored something before.</returns>
    Task<bool> StoreAsync(GrainAddress grain, long incarnation, IReadOnlyList<Output> observations);

    /// <summary>Stores one event that is no grain's, such as a silo's start.</summary>
    Task AppendAsync(CoordinatorEvent observed);

    /// <summary>All jobs of which anything was ever stored, sorted.</summary>
    Task<IReadOnlyList<JobId>> ListJobsAsync(CancellationToken cancel = default);
}
