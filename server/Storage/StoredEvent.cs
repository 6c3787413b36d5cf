using Coordinator.Machines;

namespace Coordinator.Server.Storage;

/// <summary>An event as it was stored.</summary>
/// <param name="Ordinal">Rises with every event of the store.</param>
/// <param name="Time">Wall time of the silo's host, UTC.</param>
/// <param name="Silo">The silo that stored it.</param>
/// <param name="Event">What happened.</param>
public sealed record StoredEvent(long Ordinal, DateTimeOffset Time, string Silo, CoordinatorEvent Event);
