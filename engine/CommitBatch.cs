using Coordinator.Machines;

namespace Coordinator.Engine;

/// <summary>What the turns of several grains ask to be made durable together.</summary>
/// <param name="Number">Counts the engine's batches from 1; the same number is offered again after a failed try.</param>
/// <param name="States">At most one state for each grain: the last one, since no send leaves between.</param>
/// <param name="Events">Events, in the order of the turns.</param>
/// <param name="Steps">Steps, in the order of the turns.</param>
public sealed record CommitBatch(
    long Number,
    IReadOnlyList<StateWrite> States,
    IReadOnlyList<EventWrite> Events,
    IReadOnlyList<ObserveSteps> Steps);

/// <summary>A grain's state to be stored.</summary>
public readonly record struct StateWrite(GrainAddress Grain, PersistState State);

/// <summary>An event to be stored, with the wall time of its turn.</summary>
public readonly record struct EventWrite(DateTimeOffset Time, CoordinatorEvent Event);
