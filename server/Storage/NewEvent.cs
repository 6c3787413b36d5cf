using Coordinator.Machines;

namespace Coordinator.Server.Storage;

/// <summary>An event to be stored, with the wall time at which it happened.</summary>
internal readonly record struct NewEvent(DateTimeOffset Time, CoordinatorEvent Event);
