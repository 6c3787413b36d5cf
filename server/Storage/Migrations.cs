using System.Data.Common;
using System.Globalization;
using System.Reflection;
using Dapper;

namespace Coordinator.Server.Storage;

/// <summary>Brings a database to this build's schema by the numbered files of its kind, each in a transaction of its own.</summary>
internal sealed class Migrations
{
    /// <summary>The table that says which schema a database has; every one of ours has it.</summary>
    public const string VersionTable = "schema_version";

    private readonly string prefix;

    private Migrations(string kind)
    {
        prefix = $"migrations/{kind}/";
        Newest = Names().Max(NumberOf);
    }

    /// <summary>Those of a SQLite file.</summary>
    public static Migrations Sqlite { get; } = new("sqlite");

    /// <summary>Those of a PostgreSQL database.</summary>
    public static Migrations Postgres { get; } = new("postgres");

    /// <summary>Newest schema that this build knows.</summary>
    public int Newest { get; }

    /// <summary>Applies what is missing.</summary>
    /// <exception cref="StoreSchemaException">The database is from a newer build; nothing was changed.</exception>
    public async Task ApplyAsync(DbConnection connection, string path, DateTimeOffset time)
    {
        await connection.ExecuteAsync(
            "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL)").ConfigureAwait(false);
        var found = await connection.ExecuteScalarAsync<long>("SELECT coalesce(max(version), 0) FROM schema_version").ConfigureAwait(false);
        if (found > Newest)
            throw new StoreSchemaException(path, found, Newest);
        foreach (var name in Names().OrderBy(NumberOf).SkipWhile(name => NumberOf(name) <= found))
        {
            var transaction = await connection.BeginTransactionAsync().ConfigureAwait(false);
            await using var ended = transaction.ConfigureAwait(false);
            await connection.ExecuteAsync(Read(name), transaction: transaction).ConfigureAwait(false);
            await connection.ExecuteAsync(
                "INSERT INTO schema_version (version, applied_at) VALUES (@version, @time)",
                new { version = NumberOf(name), time = time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture) },
                transaction).ConfigureAwait(false);
            await transaction.CommitAsync().ConfigureAwait(false);
        }
    }

    private IEnumerable<string> Names() =>
        typeof(Migrations).Assembly.GetManifestResourceNames().Where(name => name.StartsWith(prefix, StringComparison.Ordinal));

    private int NumberOf(string name) => int.Parse(name.AsSpan(prefix.Length, 4), CultureInfo.InvariantCulture);

    private static string Read(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
