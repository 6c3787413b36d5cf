namespace Coordinator.Server.Storage;

/// <summary>How to open a SQLite store.</summary>
public sealed record SqliteStoreOptions
{
    /// <summary>The database file; created with its directory where missing.</summary>
    public required string Path { get; init; }

    /// <summary>Name of the silo that opens it.</summary>
    public required string Silo { get; init; }

    /// <summary>Source of wall time.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
