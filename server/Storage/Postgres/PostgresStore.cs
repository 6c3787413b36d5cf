using Coordinator.Machines;
using Dapper;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Coordinator.Server.Storage.Postgres;

/// <summary>
/// Events and steps in a PostgreSQL database that the silos of a cluster share. What is handed in while one transaction is under way
/// joins the next one; so a slow disk makes transactions larger and not more frequent. Thread-safe.
/// </summary>
public sealed class PostgresStore : IEventStore, IObservationStore, IAsyncDisposable
{
    private readonly NpgsqlDataSource source;
    private readonly ChangeSignal changes = new();
    private readonly PostgresWriter writer;
    private readonly PostgresListener listener;

    private PostgresStore(NpgsqlDataSource source, PostgresStoreOptions options)
    {
        this.source = source;
        var logger = options.Loggers.CreateLogger<PostgresStore>();
        writer = new PostgresWriter(source, options, changes, logger);
        listener = new PostgresListener(source, changes, logger);
    }

    /// <inheritdoc/>
    public Task Changed => changes.Next;

    /// <summary>Why nothing can be stored at the moment; null while it can.</summary>
    public string? Problem => writer.Problem;

    /// <summary>Opens the database and brings it to this build's schema; several silos may do so at once.</summary>
    /// <exception cref="StoreUnreachableException">There is none, or it does not let us in.</exception>
    /// <exception cref="StoreSchemaException">A newer coordinator wrote it.</exception>
    /// <exception cref="FormatException">The connection string is none.</exception>
    public static async Task<PostgresStore> OpenAsync(PostgresStoreOptions options, CancellationToken cancel = default)
    {
        var source = PostgresConnections.Create(options.ConnectionString);
        try
        {
            await PostgresConnections.PrepareAsync(
                source,
                options.StartPatience,
                async connection =>
                {
                    await Migrations.Postgres.ApplyAsync(
                        connection, connection.Database, options.TimeProvider.GetUtcNow()).ConfigureAwait(false);

                    // Processes that have been gone for a month wait for no acknowledgement.
                    await connection.ExecuteAsync("DELETE FROM writer WHERE began_at < now() - interval '30 days'").ConfigureAwait(false);
                },
                cancel).ConfigureAwait(false);
            return new PostgresStore(source, options);
        }
        catch
        {
            await source.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public Task<bool> StoreAsync(GrainAddress grain, long incarnation, IReadOnlyList<Output> observations) =>
        writer.WriteAsync(grain, incarnation, observations);

    /// <inheritdoc/>
    public Task AppendAsync(CoordinatorEvent observed) => writer.WriteAsync(GrainAddress.Cluster, 0, [new ObserveEvent(observed)]);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<JobId>> ListJobsAsync(CancellationToken cancel = default)
    {
        await using var reader = await source.OpenConnectionAsync(cancel).ConfigureAwait(false);
        return [.. (await reader.QueryAsync<string>(new CommandDefinition(StoreQueries.Jobs, cancellationToken: cancel))
            .ConfigureAwait(false)).Select(id => new JobId(id)).Order()];
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StoredEvent>> ReadEventsAsync(EventFilter filter, CancellationToken cancel = default)
    {
        await using var reader = await source.OpenConnectionAsync(cancel).ConfigureAwait(false);
        return await StoreQueries.EventsAsync(reader, filter, cancel).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StoredStep>> ReadStepsAsync(JobId job, long after, int limit, CancellationToken cancel = default)
    {
        await using var reader = await source.OpenConnectionAsync(cancel).ConfigureAwait(false);
        return await StoreQueries.StepsAsync(reader, job, after, limit, cancel).ConfigureAwait(false);
    }

    /// <summary>Stores what waits (one try), and closes.</summary>
    public async ValueTask DisposeAsync()
    {
        await writer.DisposeAsync().ConfigureAwait(false);
        await listener.DisposeAsync().ConfigureAwait(false);
        await source.DisposeAsync().ConfigureAwait(false);
    }
}
