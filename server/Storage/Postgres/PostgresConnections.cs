using System.Diagnostics;
using Dapper;
using Npgsql;

namespace Coordinator.Server.Storage.Postgres;

/// <summary>Opens PostgreSQL databases, and says in clear words what is wrong where that fails.</summary>
public static class PostgresConnections
{
    /// <summary>Any number, the same in all silos: who changes the schema holds it as an advisory lock.</summary>
    private const long SchemaLock = 0x436F6F7264530001;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>A source of connections.</summary>
    /// <exception cref="FormatException">The connection string is none.</exception>
    public static NpgsqlDataSource Create(string connectionString)
    {
        try
        {
            var settings = new NpgsqlConnectionStringBuilder(connectionString) { ApplicationName = "coordinator" };

            // A server that is gone without a word must not hold a transaction, and with it a grain, for minutes.
            if (!settings.ContainsKey("Command Timeout"))
                settings.CommandTimeout = 10;
            if (!settings.ContainsKey("Timeout"))
                settings.Timeout = 5;
            return NpgsqlDataSource.Create(settings);
        }
        catch (ArgumentException wrong)
        {
            throw new FormatException(
                $"--database is no PostgreSQL connection string: {wrong.Message} Write Host=…;Port=5432;Database=…;Username=…;Password=….",
                wrong);
        }
    }

    /// <summary>
    /// Does something to the schema while no other silo does. A database that is only starting, or is too busy to answer in time, is asked
    /// again: <paramref name="prepare"/> may run several times, each on a connection of its own.
    /// </summary>
    /// <exception cref="StoreUnreachableException">It does not answer, or does not let us in.</exception>
    public static async Task PrepareAsync(
        NpgsqlDataSource source, TimeSpan patience, Func<NpgsqlConnection, Task> prepare, CancellationToken cancel)
    {
        var since = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                // The lock is the connection's, and so given up with it, or with the process.
                var connection = await source.OpenConnectionAsync(cancel).ConfigureAwait(false);
                await using var closed = connection.ConfigureAwait(false);
                await connection.ExecuteAsync("SELECT pg_advisory_lock(@SchemaLock)", new { SchemaLock }).ConfigureAwait(false);
                await prepare(connection).ConfigureAwait(false);
                await connection.ExecuteAsync("SELECT pg_advisory_unlock(@SchemaLock)", new { SchemaLock }).ConfigureAwait(false);
                return;
            }
            catch (NpgsqlException away)
            {
                if (!IsPassing(away) || Stopwatch.GetElapsedTime(since) > patience)
                    throw new StoreUnreachableException(NameOf(source), away);
                await Task.Delay(Pause, cancel).ConfigureAwait(false);
            }
        }
    }

    private static string NameOf(NpgsqlDataSource source)
    {
        var settings = new NpgsqlConnectionStringBuilder(source.ConnectionString);
        return $"'{settings.Database}' at {settings.Host}:{settings.Port}";
    }

    private static bool IsPassing(NpgsqlException away) => away is not PostgresException refused
        || refused.SqlState is PostgresErrorCodes.CannotConnectNow or PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.QueryCanceled;
}
