using Coordinator.Machines;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Coordinator.Server.Storage;

/// <summary>
/// Events and steps in a silo's database file, for reading alone: beside the silo, or after everything has died. It takes no lock and
/// writes nothing.
/// </summary>
public sealed class SqliteHistory : IEventStore
{
    private const string Remedy = "Name a silo's database: coordinator.db in its --data-dir.";

    private readonly string path;
    private readonly string connection;

    /// <summary>Of a database file.</summary>
    /// <exception cref="StoreUnusableException">There is none, or it is something else.</exception>
    public SqliteHistory(string path)
    {
        this.path = path;
        SqliteFile.Check(path, "events");
        if (!File.Exists(path))
            throw new StoreUnusableException(path, "there is no such file", Remedy);
        if (new FileInfo(path).Length == 0)
            throw new StoreUnusableException(path, "it is empty", Remedy);
        connection = new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString();
    }

    /// <summary>Never: whoever reads a file reads what is there.</summary>
    public Task Changed { get; } = new TaskCompletionSource().Task;

    /// <summary>All jobs that were ever submitted, sorted.</summary>
    public Task<IReadOnlyList<JobId>> ReadJobsAsync(CancellationToken cancel = default) => ReadAsync<IReadOnlyList<JobId>>(
        async reader => [.. (await reader.QueryAsync<string>(new CommandDefinition(StoreQueries.Jobs, cancellationToken: cancel))
            .ConfigureAwait(false)).Select(job => new JobId(job))],
        cancel);

    /// <inheritdoc/>
    public Task<IReadOnlyList<StoredEvent>> ReadEventsAsync(EventFilter filter, CancellationToken cancel = default) =>
        ReadAsync(reader => StoreQueries.EventsAsync(reader, filter, cancel), cancel);

    /// <inheritdoc/>
    public Task<IReadOnlyList<StoredStep>> ReadStepsAsync(JobId job, long after, int limit, CancellationToken cancel = default) =>
        ReadAsync(reader => StoreQueries.StepsAsync(reader, job, after, limit, cancel), cancel);

    private async Task<T> ReadAsync<T>(Func<SqliteConnection, Task<T>> read, CancellationToken cancel)
    {
        try
        {
            await using var reader = new SqliteConnection(connection);
            await reader.OpenAsync(cancel).ConfigureAwait(false);
            return await read(reader).ConfigureAwait(false);
        }
        catch (SqliteException refused) when (SqliteFile.WhyUnusable(path, refused) is { } unusable)
        {
            throw unusable;
        }
    }
}
