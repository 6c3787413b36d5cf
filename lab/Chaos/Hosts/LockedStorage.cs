using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Coordinator.Lab.Chaos.Hosts;

/// <summary>
/// Takes the silos' storage away: this process, which is none of theirs, holds the lock that writers need, as a backup or an operator's
/// forgotten transaction would. On SQLite that is the one write lock; on PostgreSQL the tables of states, events and steps, while
/// membership stays, or silos would rightly end.
/// </summary>
internal sealed class LockedStorage : IAsyncDisposable
{
    private readonly DbConnection connection;
    private readonly DbTransaction transaction;

    private LockedStorage(DbConnection connection, DbTransaction transaction) =>
        (this.connection, this.transaction) = (connection, transaction);

    /// <summary>Waits for the lock and holds it until it is disposed of.</summary>
    /// <param name="sqliteFile">The database of a silo that is alone.</param>
    /// <param name="database">PostgreSQL's connection string where Orleans silos use one; it goes before the file.</param>
    /// <param name="cancel">Ends the wait.</param>
    public static async Task<LockedStorage> TakeAsync(string sqliteFile, string? database, CancellationToken cancel)
    {
        DbConnection connection = database is null ? Sqlite(sqliteFile) : new NpgsqlConnection(database);
        try
        {
            await connection.OpenAsync(cancel);

            // SQLite: begun as a writer's, it has the lock.
            var transaction = connection is SqliteConnection sqlite
                ? sqlite.BeginTransaction(deferred: false)
                : await connection.BeginTransactionAsync(cancel);
            if (database is not null)
            {
                using var take = connection.CreateCommand();
                take.Transaction = transaction;
                take.CommandText = "LOCK TABLE grain_storage, events, steps IN EXCLUSIVE MODE";
                await take.ExecuteNonQueryAsync(cancel);
            }

            return new LockedStorage(connection, transaction);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Deletes a job's record of one step, of all timelines: the damage that the check of the record must find.</summary>
    /// <returns>Records that were deleted.</returns>
    public static async Task<int> ForgetStepAsync(string sqliteFile, string? database, string job, long step, CancellationToken cancel)
    {
        DbConnection connection = database is null ? Sqlite(sqliteFile) : new NpgsqlConnection(database);
        await using (connection)
        {
            await connection.OpenAsync(cancel);
            using var delete = connection.CreateCommand();
            delete.CommandText = "DELETE FROM steps WHERE job = @job AND step = @step";
            foreach (var (name, value) in new (string, object)[] { ("@job", job), ("@step", step) })
            {
                var parameter = delete.CreateParameter();
                (parameter.ParameterName, parameter.Value) = (name, value);
                delete.Parameters.Add(parameter);
            }

            return await delete.ExecuteNonQueryAsync(cancel);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await transaction.DisposeAsync();
        await connection.DisposeAsync();
    }

    private static SqliteConnection Sqlite(string file) =>
        new(new SqliteConnectionStringBuilder { DataSource = file, Mode = SqliteOpenMode.ReadWrite, Pooling = false, DefaultTimeout = 10 }
            .ToString());
}
