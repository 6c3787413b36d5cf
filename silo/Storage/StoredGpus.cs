using Coordinator.Grains;
using Coordinator.Server.Storage.Postgres;
using Dapper;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Coordinator.Silo.Storage;

/// <summary>
/// Which gpus have a row at all: those that are, or were, not well. Keys of gpus hold a slash, so the provider keeps them as text
/// (<c>n0</c> and <c>n1</c> are 0).
/// </summary>
internal sealed class StoredGpus : IAsyncDisposable
{
    private readonly NpgsqlDataSource? postgres;
    private readonly GroupedQuestions questions;

    /// <summary>The gpus of a service, in a database that the AdoNet providers call by <paramref name="invariant"/>.</summary>
    public StoredGpus(string invariant, string connectionString, string service)
    {
        if (invariant == ClusterStore.PostgresInvariant)
        {
            var source = postgres = PostgresConnections.Create(connectionString);
            questions = new GroupedQuestions(keys => FindInPostgresAsync(source, service, keys));
        }
        else
        {
            questions = new GroupedQuestions(keys => FindInSqliteAsync(connectionString, service, keys));
        }
    }

    /// <summary>Whether a gpu has a row.</summary>
    public Task<bool> HasAsync(string key) => questions.IsStoredAsync(key);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => postgres?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static async Task<IReadOnlyCollection<string>> FindInPostgresAsync(NpgsqlDataSource source, string service, string[] keys)
    {
        await using var command = source.CreateCommand("SELECT key FROM grain_storage WHERE service = $1 AND grain_type = $2 AND n0 = 0 AND n1 = 0 AND key = ANY($3)");
        command.Parameters.Add(new NpgsqlParameter { Value = service });
        command.Parameters.Add(new NpgsqlParameter { Value = GrainNames.Gpu });
        command.Parameters.Add(new NpgsqlParameter { Value = keys });
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        List<string> found = [];
        while (await reader.ReadAsync().ConfigureAwait(false))
            found.Add(reader.GetString(0));
        return found;
    }

    private static async Task<IReadOnlyCollection<string>> FindInSqliteAsync(string connectionString, string service, string[] keys)
    {
        await using var connection = new SqliteConnection(connectionString);
        return [.. await connection.QueryAsync<string>(
            "SELECT key FROM grain_storage WHERE service = @service AND grain_type = @type AND n0 = 0 AND n1 = 0 AND key IN @keys",
            new { service, type = GrainNames.Gpu, keys }).ConfigureAwait(false)];
    }
}
