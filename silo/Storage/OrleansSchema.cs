using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Coordinator.Server.Storage;
using Coordinator.Server.Storage.Postgres;
using Dapper;

namespace Coordinator.Silo.Storage;

/// <summary>
/// The tables and queries that Orleans' AdoNet providers need. They look up their SQL by key in a table <c>OrleansQuery</c> and create
/// nothing; keys, parameters and columns are theirs, tables and statements are ours.
/// </summary>
public static class OrleansSchema
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>Membership, grain storage and reminders, in PostgreSQL. Several silos may do this at once.</summary>
    /// <exception cref="OlderSilosException">Silos of an older build run, and go on doing so for as long as <paramref name="patience"/>
    /// (default: 20 s).</exception>
    public static async Task ApplyToPostgresAsync(string connectionString, TimeSpan? patience = null, CancellationToken cancel = default)
    {
        await using var source = PostgresConnections.Create(connectionString);
        await PostgresConnections.PrepareAsync(
            source,
            Patience,
            connection => ApplyAsync(connection, () => AwaitEndOfOlderAsync(connection, patience ?? Patience, cancel)),
            cancel).ConfigureAwait(false);
    }

    private static async Task ApplyAsync(DbConnection connection, Func<Task> beforeRaising)
    {
        var files = Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(name => name.StartsWith("orleans/postgres/", StringComparison.Ordinal))
            .Select(name => (Name: name, Version: int.Parse(name.Split('/')[^1].AsSpan(0, 4), CultureInfo.InvariantCulture)))
            .OrderBy(file => file.Version)
            .ToArray();
        await connection.ExecuteAsync("CREATE TABLE IF NOT EXISTS orleans_schema_version (version integer PRIMARY KEY, applied_at text NOT "
            + "NULL)").ConfigureAwait(false);
        var found = await connection.ExecuteScalarAsync<long>(
            "SELECT coalesce(max(version), 0) FROM orleans_schema_version").ConfigureAwait(false);
        if (found > files[^1].Version)
            throw new StoreSchemaException($"{connection.Database} (Orleans)", found, files[^1].Version);
        if (found > 0 && found < files[^1].Version)
            await beforeRaising().ConfigureAwait(false);
        foreach (var file in files.Where(file => file.Version > found))
        {
            var transaction = await connection.BeginTransactionAsync().ConfigureAwait(false);
            await using var ended = transaction.ConfigureAwait(false);
            await connection.ExecuteAsync(Read(file.Name), transaction: transaction).ConfigureAwait(false);
            await connection.ExecuteAsync(
                "INSERT INTO orleans_schema_version (version, applied_at) VALUES (@Version, @Now)",
                new { file.Version, Now = DateTimeOffset.UtcNow.ToString("O", CultureInfo.InvariantCulture) },
                transaction).ConfigureAwait(false);
            await transaction.CommitAsync().ConfigureAwait(false);
        }
    }

    /// <summary>
    /// A version is raised when silos of the one before could not work beside those of the next. A silo that was stopped says so; one that
    /// was killed is silent, and counts for ten seconds more.
    /// </summary>
    private static async Task AwaitEndOfOlderAsync(DbConnection connection, TimeSpan patience, CancellationToken cancel)
    {
        var since = Stopwatch.GetTimestamp();
        while (await connection.ExecuteScalarAsync<string?>("SELECT string_agg(name, ', ' ORDER BY name) FROM silo_member WHERE status = 3 "
            + "AND alive_at > now() - interval '10 seconds'").ConfigureAwait(false) is { } running)
        {
            if (Stopwatch.GetElapsedTime(since) >= patience)
                throw new OlderSilosException(running);
            await Task.Delay(Pause, cancel).ConfigureAwait(false);
        }
    }

    private static string Read(string name)
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }
}
