using Coordinator.Server.Storage;
using Coordinator.Server.Storage.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using Orleans.Configuration;
using Orleans.Runtime.Hosting;
using Orleans.Storage;

namespace Coordinator.Silo.Storage;

/// <summary>
/// A PostgreSQL database that the silos of a cluster share. Events and steps go through the server's store, grain states through Orleans'
/// provider for ADO.NET, into the schema that is prepared here.
/// </summary>
public sealed class PostgresSiloStore : SiloStore
{
    /// <summary>Npgsql, by its ADO.NET name.</summary>
    public const string Invariant = "Npgsql";

    private const string ProviderStorage = "database";
    private const int MostConnections = 16;

    private readonly PostgresStore store;
    private readonly StoredGpus gpus;

    private PostgresSiloStore(PostgresStore store, string database, string service)
    {
        this.store = store;
        ConnectionString = Bounded(database);
        gpus = new StoredGpus(ConnectionString, service);
    }

    /// <summary>Connection string for Orleans' providers.</summary>
    public string ConnectionString { get; }

    /// <inheritdoc/>
    public override bool IsShared => true;

    /// <inheritdoc/>
    public override bool KeepsOrder => false;

    /// <inheritdoc/>
    public override IObservationStore Observations => store;

    /// <inheritdoc/>
    public override IEventStore Events => store;

    /// <inheritdoc/>
    public override string? Problem => store.Problem;

    /// <summary>Opens it.</summary>
    public static async Task<PostgresSiloStore> OpenAsync(
        SiloSettings settings, string database, ILoggerFactory loggers, CancellationToken cancel)
    {
        var postgres = await PostgresStore.OpenAsync(
            new PostgresStoreOptions { ConnectionString = database, Silo = settings.Name, Loggers = loggers },
            cancel).ConfigureAwait(false);
        try
        {
            await OrleansSchema.ApplyToPostgresAsync(database, cancel: cancel).ConfigureAwait(false);
            return new PostgresSiloStore(postgres, database, settings.Cluster);
        }
        catch
        {
            await postgres.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public override Task<IReadOnlyList<(string Key, string StateJson)>> ReadGpuStatesAsync() => gpus.ReadAllAsync();

    /// <inheritdoc/>
    public override void AddGrainStorage(ISiloBuilder silo)
    {
        silo.AddAdoNetGrainStorage(ProviderStorage, (AdoNetGrainStorageOptions options) =>
        {
            options.Invariant = Invariant;
            options.ConnectionString = ConnectionString;
            options.GrainStorageSerializer = new StateSerializer();
        });
        silo.Services.AddGrainStorage(
            "Default", (services, _) => new SparseGrainStorage(services.GetRequiredKeyedService<IGrainStorage>(ProviderStorage), gpus));
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await gpus.DisposeAsync().ConfigureAwait(false);
        await store.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// The providers' connections, bounded where the operator did not: when thousands of grains are loaded at once, a hundred connections
    /// of each silo, the driver's default, keep a database busy with switching between them.
    /// </summary>
    private static string Bounded(string database)
    {
        var settings = new NpgsqlConnectionStringBuilder(database);
        if (!settings.ShouldSerialize("Maximum Pool Size"))
            settings.MaxPoolSize = MostConnections;
        return settings.ConnectionString;
    }
}
