using Coordinator.Grains;
using Coordinator.Grains.Hosting;
using Coordinator.Server.Storage.Postgres;
using Npgsql;

namespace Coordinator.Silo.Storage;

/// <summary>
/// Which gpus have a row at all: those that are, or were, not well. Keys of gpus hold a slash, so the provider keeps them as text
/// (<c>n0</c> and <c>n1</c> are 0).
/// </summary>
internal sealed class StoredGpus : IAsyncDisposable
{
    private readonly string service;
    private readonly NpgsqlDataSource source;
    private readonly GroupedQuestions questions;

    /// <summary>The gpus of a service, in the PostgreSQL database of the providers.</summary>
    public StoredGpus(string connectionString, string service)
    {
        this.service = service;
        source = PostgresConnections.Create(connectionString);
        questions = new GroupedQuestions(keys => FindAsync(source, service, keys));
    }

    /// <summary>Whether a gpu has a row.</summary>
    public Task<bool> HasAsync(string key) => questions.IsStoredAsync(key);

    /// <summary>All that is stored of gpus, by key.</summary>
    public async Task<IReadOnlyList<(string Key, string StateJson)>> ReadAllAsync()
    {
        await using var command = source.CreateCommand(
            "SELECT key, payload FROM grain_storage WHERE service = $1 AND grain_type = $2 AND payload IS NOT NULL ORDER BY key");
        command.Parameters.Add(new NpgsqlParameter { Value = service });
        command.Parameters.Add(new NpgsqlParameter { Value = GrainNames.Gpu });
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        List<(string Key, string StateJson)> found = [];
        while (await reader.ReadAsync().ConfigureAwait(false))
        {
            if (new StateSerializer().Deserialize<StoredMachine>(new BinaryData(reader.GetFieldValue<byte[]>(1))).Json is { } json)
                found.Add((reader.GetString(0), json));
        }

        return found;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => source.DisposeAsync();

    private static async Task<IReadOnlyCollection<string>> FindAsync(NpgsqlDataSource source, string service, string[] keys)
    {
        await using var command = source.CreateCommand(
            "SELECT key FROM grain_storage WHERE service = $1 AND grain_type = $2 AND n0 = 0 AND n1 = 0 AND key = ANY($3)");
        command.Parameters.Add(new NpgsqlParameter { Value = service });
        command.Parameters.Add(new NpgsqlParameter { Value = GrainNames.Gpu });
        command.Parameters.Add(new NpgsqlParameter { Value = keys });
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        List<string> found = [];
        while (await reader.ReadAsync().ConfigureAwait(false))
            found.Add(reader.GetString(0));
        return found;
    }
}
