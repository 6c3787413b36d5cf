using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coordinator.Server.Storage.Postgres;

/// <summary>Which database, and who uses it.</summary>
public sealed record PostgresStoreOptions
{
    /// <summary>Connection string as Npgsql reads it.</summary>
    public required string ConnectionString { get; init; }

    /// <summary>Name of the silo, stored with every event.</summary>
    public required string Silo { get; init; }

    /// <summary>How long a database that does not answer yet is waited for at the start: it may be starting, too.</summary>
    public TimeSpan StartPatience { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Source of wall time.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where logs go.</summary>
    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;
}
