using System.Data.Common;
using System.Globalization;
using System.Reflection;
using Coordinator.Server.Storage;
using Coordinator.Server.Storage.Postgres;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Coordinator.Silo.Storage;

/// <summary>
/// The tables and queries that Orleans' AdoNet providers need. They look up their SQL by key in a table <c>OrleansQuery</c> and create
/// nothing; keys, parameters and columns are theirs, tables and statements are ours.
/// </summary>
public static class OrleansSchema
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Membership, grain storage and reminders, in PostgreSQL. Several silos may do this at once.</summary>
    public static async Task ApplyToPostgresAsync(string connectionString, CancellationToken cancel = default)
    {
        await using var source = PostgresConnections.Create(connectionString);
        await PostgresConnections.PrepareAsync(source, Patience, connection => ApplyAsync(connection, "postgres"), cancel).ConfigureAwait(false);
    }

    /// <summary>Grain storage in a SQLite file.</summary>
    public static void ApplyToSqlite(string connectionString)
    {
        using var connection = new SqliteConnection(connectionString);
        connection.Open();
        connection.Execute("PRAGMA journal_mode = WAL");

        // SQLite's library does all its work before it returns.
        ApplyAsync(connection, "sqlite").GetAwaiter().GetResult();
    }

    private static async Task ApplyAsync(DbConnection connection, string kind)
    {
        var files = Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(name => name.StartsWith($"orleans/{kind}/", StringComparison.Ordinal))
            .Select(name => (Name: name, Version: int.Parse(name.Split('/')[^1].AsSpan(0, 4), CultureInfo.InvariantCulture)))
            .OrderBy(file => file.Version)
            .ToArray();
        await connection.ExecuteAsync("CREATE TABLE IF NOT EXISTS orleans_schema_version (version integer PRIMARY KEY, applied_at text NOT NULL)").ConfigureAwait(false);
        var found = await connection.ExecuteScalarAsync<long>("SELECT coalesce(max(version), 0) FROM orleans_schema_version").ConfigureAwait(false);
        if (found > files[^1].Version)
            throw new StoreSchemaException($"{connection.Database} (Orleans)", found, files[^1].Version);
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

    private static string Read(string name)
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }
}
