using Coordinator.Grains.Hosting;
using Coordinator.Server.Storage;
using Coordinator.Silo.Storage;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Coordinator.Tests.Orleans.Storage;

/// <summary>
/// Grain states of a silo that is alone, beside what they are compared with: Orleans' provider for ADO.NET on the same library.
/// </summary>
public sealed class SqliteGrainStorageTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("coordinator-grains-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Of_two_writes_that_rest_on_one_version_the_second_is_refused()
    {
        using var store = SqliteStore.Open(new SqliteStoreOptions { Path = Path.Combine(folder, "coordinator.db"), Silo = "silo" });
        using var commits = new SqliteCommits(store, TimeProvider.System);
        await StorageRace.RunAsync(new SqliteGrainStorage(store, commits));
    }

    [Fact]
    public async Task So_it_is_with_the_provider_that_it_takes_the_place_of()
    {
        var database = $"Data Source={Path.Combine(folder, "grains.db")};Pooling=False";
        using (var connection = new SqliteConnection(database))
            connection.Execute(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "Storage", "adonet-on-sqlite.sql")));
        await StorageRace.RunAsync("System.Data.SQLite", database);
    }

    [Fact]
    public async Task A_grain_that_keeps_nothing_is_activated_without_a_read_also_after_a_restart()
    {
        var file = Path.Combine(folder, "coordinator.db");
        using (var store = SqliteStore.Open(new SqliteStoreOptions { Path = file, Silo = "silo" }))
        {
            using var commits = new SqliteCommits(store, TimeProvider.System);
            var ill = new GrainState<StoredMachine>(new StoredMachine { Json = "ill", Incarnation = 1, Sequence = 1 });
            await new SqliteGrainStorage(store, commits).WriteStateAsync("gpu", GrainId.Create("gpu", "n1/0"), ill);
        }

        using var again = SqliteStore.Open(new SqliteStoreOptions { Path = file, Silo = "silo" });
        using var later = new SqliteCommits(again, TimeProvider.System);
        var storage = new SqliteGrainStorage(again, later);
        var state = new GrainState<StoredMachine>(new StoredMachine());
        await storage.ReadStateAsync("gpu", GrainId.Create("gpu", "n1/0"), state);
        Assert.Equal(("ill", true), (state.State!.Json, state.RecordExists));

        // Without the file there is nothing that could be read.
        again.Dispose();
        File.Delete(file);
        await storage.ReadStateAsync("gpu", GrainId.Create("gpu", "n1/1"), state);
        Assert.Equal((null, false), (state.State!.Json, state.RecordExists));
    }
}
