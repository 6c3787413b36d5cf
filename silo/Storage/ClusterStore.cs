using Coordinator.Disk;
using Coordinator.Server.Storage;
using Coordinator.Server.Storage.Postgres;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Coordinator.Silo.Storage;

/// <summary>
/// Where a silo keeps everything durable: PostgreSQL, which the silos of a cluster share, or a SQLite file of its own. Events and steps
/// go through the server's stores; grain states through Orleans' AdoNet providers, into the schema that is prepared here.
/// </summary>
public sealed class ClusterStore : IAsyncDisposable
{
    /// <summary>Npgsql, by its ADO.NET name.</summary>
    public const string PostgresInvariant = "Npgsql";

    /// <summary>SQLite. The providers know Microsoft.Data.Sqlite under the name of the other library.</summary>
    public const string SqliteInvariant = "System.Data.SQLite";

    private const int MostConnections = 16;

    private readonly Func<string?> problem;
    private readonly Func<ValueTask> close;

    private ClusterStore(IObservationStore observations, IEventStore events, string invariant, string connectionString, string service, Func<string?> problem, Func<ValueTask> close)
    {
        (Observations, Events, Invariant, ConnectionString) = (observations, events, invariant, connectionString);
        (this.problem, this.close) = (problem, close);
        Gpus = new StoredGpus(invariant, connectionString, service);
    }

    /// <summary>What the providers call the database's kind.</summary>
    public string Invariant { get; }

    /// <summary>Connection string for the providers.</summary>
    public string ConnectionString { get; }

    /// <summary>Whether other silos can share it.</summary>
    public bool IsShared => Invariant == PostgresInvariant;

    /// <summary>Takes what grains observe.</summary>
    public IObservationStore Observations { get; }

    /// <summary>Which gpus have a row.</summary>
    internal StoredGpus Gpus { get; }

    /// <summary>Stored events and steps.</summary>
    public IEventStore Events { get; }

    /// <summary>Why storage is of no use at the moment; null while it is well.</summary>
    public string? Problem => problem();

    /// <summary>Opens the database and brings it to this build's schema.</summary>
    public static async Task<ClusterStore> OpenAsync(SiloSettings settings, ILoggerFactory loggers, CancellationToken cancel = default)
    {
        PrivateFiles.CreateFolder(settings.DataDirectory, "coordinator.db", "token", "data", "models");
        if (settings.Database is { } database)
        {
            var postgres = await PostgresStore.OpenAsync(new PostgresStoreOptions { ConnectionString = database, Silo = settings.Name, Loggers = loggers }, cancel).ConfigureAwait(false);
            await OrleansSchema.ApplyToPostgresAsync(database, cancel: cancel).ConfigureAwait(false);
            return new ClusterStore(postgres, postgres, PostgresInvariant, Bounded(database), settings.Cluster, () => postgres.Problem, postgres.DisposeAsync);
        }

        var file = Path.Combine(settings.DataDirectory, "coordinator.db");
        var sqlite = SqliteStore.Open(new SqliteStoreOptions { Path = file, Silo = settings.Name });
        var observations = new SqliteObservations(sqlite, TimeProvider.System);
        var grains = Path.Combine(settings.DataDirectory, "grains.db");
        try
        {
            SqliteFile.Check(grains, OrleansSchema.VersionTable);
            PrivateFiles.Touch(grains);
            OrleansSchema.ApplyToSqlite($"Data Source={grains}");
        }
        catch
        {
            observations.Dispose();
            sqlite.Dispose();
            throw;
        }

        return new ClusterStore(observations, sqlite, SqliteInvariant, $"Data Source={grains}", settings.Cluster, () => observations.Problem, () =>
        {
            observations.Dispose();
            sqlite.Dispose();
            return ValueTask.CompletedTask;
        });
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Gpus.DisposeAsync().ConfigureAwait(false);
        await close().ConfigureAwait(false);
    }

    /// <summary>
    /// The providers' connections, bounded where the operator did not: when thousands of grains are loaded at once, a hundred connections of
    /// each silo, the driver's default, keep a database busy with switching between them.
    /// </summary>
    private static string Bounded(string database)
    {
        var settings = new NpgsqlConnectionStringBuilder(database);
        if (!settings.ShouldSerialize("Maximum Pool Size"))
            settings.MaxPoolSize = MostConnections;
        return settings.ConnectionString;
    }
}
