using Coordinator.Grains;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Server.Storage;
using Dapper;
using Microsoft.Data.Sqlite;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Silo.Storage;

/// <summary>
/// Takes over the grain states of a silo that was alone under an earlier build, which kept them in a file of their own. The file is renamed
/// once all of them are durable in the new place; where the process dies in between, it is done again, and what is there stays.
/// </summary>
public static class SqliteGrainsImport
{
    /// <summary>The file.</summary>
    public const string FileName = "grains.db";

    /// <summary>What it is called afterwards.</summary>
    public const string DoneSuffix = ".imported";

    /// <summary>The table that an earlier build's file has.</summary>
    private const string VersionTable = "orleans_schema_version";

    /// <summary>Imports what is there, if anything is.</summary>
    /// <param name="directory">The silo's data directory.</param>
    /// <param name="write">Makes a state durable, unless one that is as new stands there.</param>
    /// <returns>States that were taken over; null: there was no file.</returns>
    /// <exception cref="StoreUnusableException">The file is none of ours, or damaged.</exception>
    public static async Task<int?> RunAsync(string directory, Func<GrainAddress, PersistState, Task> write)
    {
        var file = Path.Combine(directory, FileName);
        if (!File.Exists(file))
            return null;
        SqliteFile.Check(file, VersionTable);
        var states = Read(file);

        // All at once, so that they are a few commits and not one each.
        await Task.WhenAll(states.Select(state => write(state.Grain, state.State)));
        foreach (var suffix in (string[])["", "-wal", "-shm"])
        {
            if (File.Exists(file + suffix))
                File.Move(file + suffix, file + DoneSuffix + suffix, overwrite: true);
        }

        return states.Count;
    }

    private static List<(GrainAddress Grain, PersistState State)> Read(string file)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ToString());
        connection.Open();
        if (connection.ExecuteScalar<long>("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'grain_storage'") == 0)
            return [];
        return [.. connection.Query<(string Type, string Key, byte[] Payload)>(
            "SELECT grain_type, key, payload FROM grain_storage WHERE payload IS NOT NULL")
            .Select(row => (new GrainAddress(GrainNames.KindOf(row.Type), row.Key), StateOf(row.Payload)))
            .Where(row => row.Item2 is not null)
            .Select(row => (row.Item1, row.Item2!))];
    }

    private static PersistState? StateOf(byte[] payload) =>
        new StateSerializer().Deserialize<StoredMachine>(new BinaryData(payload)) is { Json: { } json } stored ? new PersistState(
            json, stored.Incarnation, stored.Sequence) : null;
}
