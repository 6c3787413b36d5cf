using Coordinator.Grains;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Server.Storage;
using Coordinator.Silo.Hosting;
using Coordinator.Silo.Storage;
using Coordinator.Tests.Orleans.Support;
using Microsoft.Extensions.Logging.Abstractions;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

/// <summary>
/// Of a hundred thousand gpus those have a grain of which something was asked; that is what a node's connection costs, and what a silo's
/// death does.
/// </summary>
public sealed class GpusAtRestTests : IDisposable
{
    private static readonly GpuId Gpu = TwoWorkers.GpuOf(TwoWorkers.First);
    private readonly string folder = Directory.CreateTempSubdirectory("coordinator-rest-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_node_connects_reports_and_measures_without_a_grain_of_its_gpus()
    {
        await using var silos = await TestSilos.StartAsync(new SharedStorage());
        await silos.Connect(TwoWorkers.First, 1);
        await silos.Say(TwoWorkers.First, 1, new GpusMeasured([new GpuReading { Index = 0, TemperatureC = 60, RecoveryAction = 0 }]));
        await silos.Connect(TwoWorkers.First, 2);
        Assert.Empty(await ActiveAsync(silos));

        await silos.Say(TwoWorkers.First, 2, new GpusMeasured([new GpuReading { Index = 0, Xids = [13] }]));
        await silos.Services.Until(
            services => services.Observed.OfType<ObserveEvent>().Any(observed => observed.Event.Kind == EventKinds.GpuError));
        Assert.Equal([Gpu.ToString()], await ActiveAsync(silos));
    }

    [Fact]
    public async Task A_silo_on_an_earlier_builds_database_knows_which_gpus_are_out_before_any_node_comes()
    {
        using (var store = SqliteStore.Open(
            new SqliteStoreOptions { Path = Path.Combine(folder, SqliteSiloStore.FileName), Silo = "silo" }))
        {
            // As the build before the record wrote them: the cluster says nothing of gpus, and one gpu is healthy again.
            Put(store, 1, GrainAddress.Cluster, """{"incarnation":3,"allocations":[],"version":1}""");
            Put(
                store,
                2,
                GrainAddress.Of(Gpu),
                """{"health":"Quarantined","faults":1,"reason":"XID 46","incarnation":2,"remedy":"DrainAndReset","remedyBoot":1,"version":1}""");
            Put(
                store,
                3,
                GrainAddress.Of(TwoWorkers.GpuOf(TwoWorkers.Second)),
                """{"health":"Healthy","faults":0,"reason":"","incarnation":2,"version":1}""");
            Put(store, 4, GrainAddress.Of(new GpuId(new NodeId("n9"), 0)), """{"version":999}""");
        }

        var settings = new Coordinator.Silo.SiloSettings
        {
            DataDirectory = folder,
            Url = "http://127.0.0.1:0",
            Name = "silo",
            Dashboard = false,
        };
        await using var silo = await OrleansSilo.StartAsync(settings, NullLoggerFactory.Instance);
        var after = (SqliteStore)silo.Events;
        for (var changed = after.Changed; Record(after).Count == 0; changed = after.Changed)
            await changed;
        Assert.Equal([(Gpu, false)], Record(after).Select(watched => (watched.Gpu, watched.Schedulable)));
    }

    private static IReadOnlyList<WatchedGpu> Record(SqliteStore store) =>
        Contracts.ReadState<ClusterState>(GrainAddress.Cluster, store.LoadState(GrainAddress.Cluster)!).Watched;

    private static void Put(SqliteStore store, long number, GrainAddress grain, string state) =>
        store.Commit(number, [new CommitEntry(DateTimeOffset.UnixEpoch) { State = new GrainState(grain, new PersistState(state, 2, 1)) }]);

    private static async Task<IEnumerable<string>> ActiveAsync(TestSilos silos) =>
        (await silos.Grains.GetGrain<IManagementGrain>(0).GetActiveGrains(GrainType.Create(GrainNames.Gpu))).Select(
            grain => grain.Key.ToString()!);
}
