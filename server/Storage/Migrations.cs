using System.Globalization;
using System.Reflection;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Coordinator.Server.Storage;

/// <summary>Brings a database to this build's schema by the numbered files in Migrations, each in a transaction of its own.</summary>
internal static class Migrations
{
    private const string Prefix = "migrations/";

    /// <summary>Newest schema that this build knows.</summary>
    public static int Newest { get; } = Names().Max(NumberOf);

    /// <summary>Applies what is missing.</summary>
    /// <exception cref="StoreSchemaException">The database is from a newer build; nothing was changed.</exception>
    public static void Apply(SqliteConnection connection, string path, DateTimeOffset time)
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

    private static IEnumerable<string> Names() =>
        typeof(Migrations).Assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal));

    private static int NumberOf(string name) => int.Parse(name.AsSpan(Prefix.Length, 4), CultureInfo.InvariantCulture);

    private static string Read(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
