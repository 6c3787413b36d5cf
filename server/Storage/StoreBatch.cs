using Coordinator.Machines;

namespace Coordinator.Server.Storage;

/// <summary>What is to become durable in one transaction.</summary>
/// <param name="Number">Counts the process's batches from 1; a number that is stored already was committed before.</param>
/// <param name="States">States, at most one a grain.</param>
/// <param name="Events">Events, in order.</param>
/// <param name="Steps">Applied steps, in order.</param>
public sealed record StoreBatch(
    long Number,
    IReadOnlyList<GrainState> States,
    IReadOnlyList<NewEvent> Events,
    IReadOnlyList<ObserveSteps> Steps);

/// <summary>A grain's state to be stored.</summary>
public readonly record struct GrainState(GrainAddress Grain, PersistState State);

/// <summary>An event to be stored, with the wall time at which it happened.</summary>
public readonly record struct NewEvent(DateTimeOffset Time, CoordinatorEvent Event);
