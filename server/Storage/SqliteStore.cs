using System.Data;
using System.Globalization;
using Coordinator.Disk;
using Coordinator.Machines;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Coordinator.Server.Storage;

/// <summary>
/// States, events and steps in one SQLite file, held by one silo at a time. A commit that returned has reached the disk
/// (write-ahead log, synchronous=FULL). One commit runs at a time; reads run beside it. Thread-safe.
/// A <see cref="SqliteException"/> from any member means that storage is away for now.
/// </summary>
public sealed class SqliteStore : IEventStore, ICommitStore, IDisposable
{
    private readonly SqliteStoreOptions options;
    private readonly DatabaseLock held;
    private readonly string connectionString;
    private readonly string writerId = Guid.NewGuid().ToString("N");
    private readonly Lock gate = new();
    private readonly ChangeSignal changes = new();
    private SqliteConnection? writer;

    private SqliteStore(SqliteStoreOptions options, DatabaseLock held)
    {
        this.options = options;
        this.held = held;
        connectionString = new SqliteConnectionStringBuilder { DataSource = options.Path, Pooling = true, DefaultTimeout = 5 }.ToString();
    }

    /// <inheritdoc/>
    public Task Changed => changes.Next;

    /// <summary>Opens the database, creating or migrating it where needed.</summary>
    /// <exception cref="StoreLockedException">Another silo has it open.</exception>
    /// <exception cref="StoreSchemaException">A newer coordinator wrote it.</exception>
    /// <exception cref="StoreUnusableException">It is another program's, damaged, or cannot be opened at all.</exception>
    public static SqliteStore Open(SqliteStoreOptions options)
    {
        options = options with { Path = Path.GetFullPath(options.Path) };
        PrivateFiles.CreateFolder(Path.GetDirectoryName(options.Path)!, "coordinator.db", "token", "data", "models");
        var held = DatabaseLock.Acquire(options.Path, new StoreHolder(options.Silo, Environment.ProcessId, null));
        var store = new SqliteStore(options, held);
        try
        {
            store.Prepare();
            return store;
        }
        catch (SqliteException refused) when (SqliteFile.WhyUnusable(options.Path, refused) is { } unusable)
        {
            store.Dispose();
            throw unusable;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>Tells a second silo where this one listens.</summary>
    public void NameHolder(string url) => held.Name(new StoreHolder(options.Silo, Environment.ProcessId, url));

    /// <summary>All grains with a stored state.</summary>
    public IReadOnlyList<GrainAddress> ListStates()
    {
        using var reader = OpenReader();
        return [.. reader.Query<(string Kind, string Key)>("SELECT kind, key FROM grain_state ORDER BY kind, key")
            .Select(row => new GrainAddress(Enum.Parse<GrainKind>(row.Kind), row.Key))];
    }

    /// <summary>All stored states of a kind of grain, by key.</summary>
    public IReadOnlyList<(string Key, string StateJson)> ReadStates(GrainKind kind)
    {
        using var reader = OpenReader();
        return [.. reader.Query<(string, string)>(
            "SELECT key, state FROM grain_state WHERE kind = @Kind ORDER BY key", new { Kind = kind.ToString() })];
    }

    /// <summary>A grain's state, or null.</summary>
    public string? LoadState(GrainAddress grain) => ReadState(grain)?.StateJson;

    /// <summary>A grain's state with its place among the writes; null where it has none.</summary>
    public PersistState? ReadState(GrainAddress grain)
    {
        using var reader = OpenReader();
        return reader.QuerySingleOrDefault<(string State, long Incarnation, long Sequence)?>(
            "SELECT state, incarnation, sequence FROM grain_state WHERE kind = @Kind AND key = @Key", Key(grain)) is { } row
            ? new PersistState(row.State, row.Incarnation, row.Sequence)
            : null;
    }

    /// <inheritdoc/>
    public void Commit(long number, IReadOnlyList<CommitEntry> entries)
    {
        Write(transaction =>
        {
            var writing = new BatchWriter(transaction, options.Silo, options.TimeProvider.GetUtcNow());
            if (!writing.Claim(writerId, number))
                return false;
            foreach (var entry in entries)
                entry.IsTaken = writing.TryWrite(entry);
            return true;
        });
        changes.Notify();
    }

    /// <summary>Stores one event that is no grain's, such as a silo's start.</summary>
    public void Append(CoordinatorEvent observed)
    {
        Write(transaction =>
        {
            var time = options.TimeProvider.GetUtcNow();
            new BatchWriter(transaction, options.Silo, time).Write(new NewEvent(time, observed));
            return true;
        });
        changes.Notify();
    }

    /// <inheritdoc/>
    public IReadOnlyList<JobId> ListJobs()
    {
        using var reader = OpenReader();
        return [.. reader.Query<string>(StoreQueries.Jobs).Select(id => new JobId(id))];
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StoredEvent>> ReadEventsAsync(EventFilter filter, CancellationToken cancel = default)
    {
        using var reader = OpenReader();
        return await StoreQueries.EventsAsync(reader, filter, cancel).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StoredStep>> ReadStepsAsync(JobId job, long after, int limit, CancellationToken cancel = default)
    {
        using var reader = OpenReader();
        return await StoreQueries.StepsAsync(reader, job, after, limit, cancel).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            writer?.Dispose();
            writer = null;
        }

        using (var pooled = new SqliteConnection(connectionString))
            SqliteConnection.ClearPool(pooled);
        held.Dispose();
    }

    /// <summary>One transaction; what <paramref name="write"/> wrote stays where it returns true.</summary>
    private void Write(Func<SqliteTransaction, bool> write)
    {
        lock (gate)
        {
            try
            {
                writer ??= OpenWriter();
                using var transaction = writer.BeginTransaction(deferred: false);
                if (write(transaction))
                    transaction.Commit();
            }
            catch
            {
                // Whatever state the connection is in, the next try begins with a fresh one.
                writer?.Dispose();
                writer = null;
                throw;
            }
        }
    }

    private static object Key(GrainAddress grain) => new { Kind = grain.Kind.ToString(), grain.Key };

    private void Prepare()
    {
        // Under the lock: closing the file that was looked at would give up the locks that this process's own connections have on it.
        SqliteFile.Check(options.Path, Migrations.VersionTable);

        // The key of the data plane is in it. SQLite gives its log and index the permissions of the database.
        PrivateFiles.Touch(options.Path);
        foreach (var suffix in (string[])["-wal", "-shm", "-journal"])
            PrivateFiles.Tighten(options.Path + suffix);
        writer = OpenWriter();

        // SQLite's library does all its work before it returns.
        Migrations.Sqlite.ApplyAsync(writer, options.Path, options.TimeProvider.GetUtcNow()).GetAwaiter().GetResult();

        // Their processes are dead: this one has the lock.
        writer.Execute("DELETE FROM writer");
        if (writer.ExecuteScalar<int>("PRAGMA application_id") != SqliteFile.ApplicationId)
            writer.Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA application_id = {SqliteFile.ApplicationId}"));
    }

    private SqliteConnection OpenWriter()
    {
        var connection = OpenReader();
        var mode = connection.ExecuteScalar<string>("PRAGMA journal_mode = WAL");
        connection.Execute("PRAGMA synchronous = FULL");
        if (mode != "wal")
        {
            connection.Dispose();
            throw new StoreUnusableException(
                options.Path, $"SQLite keeps its journal mode {mode} where wal was asked for", "Keep the data directory on a local disk.");
        }

        return connection;
    }

    private SqliteConnection OpenReader()
    {
        var connection = new SqliteConnection(connectionString);
        try
        {
            connection.Open();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
