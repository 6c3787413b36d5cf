using System.Net;
using System.Net.Sockets;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Server.Client;
using Coordinator.Server.Storage;
using Coordinator.Silo.Hosting;
using Coordinator.Tests.Support;
using Microsoft.Data.Sqlite;

namespace Coordinator.Tests.Processes.Server;

public sealed class SiloAloneTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_silo_started_again_on_its_data_directory_goes_on()
    {
        await using (var first = await StartAsync())
        {
            using var client = new CoordinatorClient(first.Url, first.Token);
            await client.SetCoolingZoneAsync(new CoolingZone("hall-a", ["a-*"], 5_000_000));
        }

        await using var second = await StartAsync();
        using var again = new CoordinatorClient(second.Url, second.Token);
        Assert.Equal("hall-a", Assert.Single(await again.GetCoolingAsync()).Zone.Name);
        var silo = (await second.Events.ReadEventsAsync(new EventFilter())).Where(stored => stored.Event.Kind == EventKinds.Silo);
        Assert.Equal(["started", "stopped", "started"], silo.Select(stored => stored.Event.Cause));
    }

    [Fact]
    public async Task A_second_silo_on_a_data_directory_is_told_who_has_it_and_leaves_it_alone()
    {
        await using var first = await StartAsync();
        var refusal = await Assert.ThrowsAsync<StoreLockedException>(StartAsync);

        Assert.Equal(new StoreHolder("silo", Environment.ProcessId, first.Url), refusal.Holder);
        using var client = new CoordinatorClient(first.Url, first.Token);
        Assert.Equal("orleans", (await client.GetInfoAsync()).Engine);
    }

    [Fact]
    public async Task A_silo_that_ends_says_nothing_of_the_workers_whose_connections_it_closes()
    {
        var silo = await StartAsync();
        using (var worker = new Executable(
            "worker", "--silo", silo.Url, "--token-file", folder.File(Path.Combine("silo", "token")), "--node", "a", "--data-dir",
            folder.File("a")))
        {
            await worker.LineAsync(line => line.StartsWith("ready ", StringComparison.Ordinal), "the worker", Limit);
            await silo.StopAsync();
        }

        await using var next = await StartAsync();
        var events = (await next.Events.ReadEventsAsync(new EventFilter())).Select(stored => stored.Event.Kind).ToArray();
        Assert.Contains(EventKinds.NodeUp, events);
        Assert.DoesNotContain(EventKinds.NodeDown, events);
    }

    [Fact]
    public async Task Silos_that_are_alone_start_beside_each_other_and_let_no_other_silo_in()
    {
        using var first = new Executable("silo", "--data-dir", folder.File("one"), "--url", "http://127.0.0.1:0");
        using var second = new Executable("silo", "--data-dir", folder.File("two"), "--url", "http://127.0.0.1:0");
        foreach (var silo in (Executable[])[first, second])
        {
            await silo.LineAsync(line => line.StartsWith("ready ", StringComparison.Ordinal), "the silo", Limit);
            var url = new Uri(
                silo.Output.Split('\n').First(line => line.StartsWith("ready ", StringComparison.Ordinal))["ready ".Length..].Trim());

            // Beside that for workers and clients there is one of Orleans' own, with no gateway behind it.
            var own = Assert.Single(ListeningPorts(silo.Pid), port => port != url.Port);
            using var stranger = new TcpClient();
            await stranger.ConnectAsync(IPAddress.Loopback, own);
            Assert.Equal(0, await ReadToEndAsync(stranger.GetStream()));
        }
    }

    [Fact]
    public async Task The_states_of_an_earlier_build_are_taken_over_once()
    {
        Directory.CreateDirectory(folder.File("silo"));
        var earlier = folder.File(Path.Combine("silo", "grains.db"));
        using (var connection = new SqliteConnection($"Data Source={earlier};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = """
                CREATE TABLE orleans_schema_version (version integer PRIMARY KEY, applied_at text NOT NULL);
                INSERT INTO orleans_schema_version VALUES (1, '2026-01-01');
                CREATE TABLE grain_storage (service TEXT NOT NULL, grain_type TEXT NOT NULL, n0 INTEGER NOT NULL, n1 INTEGER NOT NULL, key TEXT NOT NULL,
                  payload BLOB, version INTEGER NOT NULL, modified_at TEXT NOT NULL, PRIMARY KEY (service, grain_type, n0, n1, key));
                INSERT INTO grain_storage VALUES ('coordinator', 'cluster', 0, 0, 'cluster', $payload, 3, '2026-01-01');
                """;
            command.Parameters.AddWithValue("$payload", await EarlierClusterAsync());
            command.ExecuteNonQuery();
        }

        await using (var silo = await StartAsync())
        {
            using var client = new CoordinatorClient(silo.Url, silo.Token);
            Assert.Equal("hall-b", Assert.Single(await client.GetCoolingAsync()).Zone.Name);
        }

        Assert.False(File.Exists(earlier));
        Assert.True(File.Exists(earlier + ".imported"));
        await using var again = await StartAsync();
        using var later = new CoordinatorClient(again.Url, again.Token);
        Assert.Equal("hall-b", Assert.Single(await later.GetCoolingAsync()).Zone.Name);
    }

    /// <summary>The row that the provider for ADO.NET kept of a cluster with a cooling zone.</summary>
    private async Task<byte[]> EarlierClusterAsync()
    {
        await using (var other = await TestSilo.StartAsync(folder.File("other")))
        {
            using var client = new CoordinatorClient(other.Url, other.Token);
            await client.SetCoolingZoneAsync(new CoolingZone("hall-b", ["b-*"], 7_000_000));
        }

        using var store = SqliteStore.Open(
            new SqliteStoreOptions { Path = folder.File(Path.Combine("other", "coordinator.db")), Silo = "silo" });
        var state = store.ReadState(GrainAddress.Cluster)!;
        return System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(
            new { json = state.StateJson, incarnation = state.Incarnation, sequence = state.Sequence, writer = "w" });
    }

    private static async Task<int> ReadToEndAsync(NetworkStream stream)
    {
        try
        {
            return await stream.ReadAsync(new byte[1]);
        }
        catch (IOException)
        {
            // Reset is closed as well.
            return 0;
        }
    }

    /// <summary>TCP ports on which a process listens, by Linux' own tables.</summary>
    private static IEnumerable<int> ListeningPorts(int process)
    {
        var sockets = new DirectoryInfo($"/proc/{process}/fd").GetFiles().Select(file => file.LinkTarget).OfType<string>().ToHashSet();
        return File.ReadLines($"/proc/{process}/net/tcp").Skip(1)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(columns => columns[3] == "0A" && sockets.Contains($"socket:[{columns[9]}]"))
            .Select(columns => int.Parse(
                columns[1].Split(':')[1], System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture));
    }

    private Task<OrleansSilo> StartAsync() => TestSilo.StartAsync(folder.File("silo"));
}
