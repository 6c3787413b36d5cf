using System.Data.Common;
using System.Globalization;
using System.Reflection;
using Dapper;

namespace Coordinator.Server.Storage;

/// <summary>Brings a database to this build's schema by the numbered files of its kind, each in a transaction of its own.</summary>
internal sealed class Migrations
{
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
    public void Apply(DbConnection connection, string path, DateTimeOffset time)
    {
        connection.Execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL)");
        var found = connection.ExecuteScalar<long>("SELECT coalesce(max(version), 0) FROM schema_version");
        if (found > Newest)
            throw new StoreSchemaException(path, found, Newest);
        foreach (var name in Names().OrderBy(NumberOf).SkipWhile(name => NumberOf(name) <= found))
        {
            using var transaction = connection.BeginTransaction();
            connection.Execute(Read(name), transaction: transaction);
            connection.Execute(
                "INSERT INTO schema_version (version, applied_at) VALUES (@version, @time)",
                new { version = NumberOf(name), time = time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture) },
                transaction);
            transaction.Commit();
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
