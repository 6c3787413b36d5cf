namespace Coordinator.Server.Storage;

/// <summary>Who has a database open.</summary>
/// <param name="Silo">Name of the silo.</param>
/// <param name="ProcessId">Its process.</param>
/// <param name="Url">Where it listens; null while it starts.</param>
public sealed record StoreHolder(string Silo, int ProcessId, string? Url);
