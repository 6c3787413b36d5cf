using Coordinator.Machines;

namespace Coordinator.Server.Storage;

/// <summary>A grain's state to be stored.</summary>
public readonly record struct GrainState(GrainAddress Grain, PersistState State);
