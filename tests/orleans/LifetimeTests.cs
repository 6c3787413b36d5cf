using System.Text.Json;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Tests.Orleans.Support;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

/// <summary>
/// What a grain knows and storage does not is kept for as long as its silo lives: a healthy gpu has no deadline, so to Orleans it is idle,
/// and with its activation its fence against older orders would go.
/// </summary>
public sealed class LifetimeTests : IAsyncLifetime
{
    private static readonly GrainAddress Gpu = GrainAddress.Of(TwoWorkers.GpuOf(TwoWorkers.First));
    private static readonly GrainAddress Node = GrainAddress.Of(TwoWorkers.First);

    private readonly SharedStorage storage = new();
    private TestSilos silos = null!;

    public async Task InitializeAsync() => silos = await TestSilos.StartAsync(storage);

    public async Task DisposeAsync() => await silos.DisposeAsync();

    [Fact]
    public async Task A_gpu_that_holds_an_order_refuses_an_older_one_also_past_the_collection_age()
    {
        await silos.Connect(TwoWorkers.First, 1);
        await silos.Deliver(Gpu, new GpuOrdered(Prepare(generation: 5)));
        await CollectAsync();
        await silos.Deliver(Gpu, new GpuOrdered(Prepare(generation: 4)));
        await silos.Deliver(Gpu, new GpuOrdered(Prepare(generation: 6)));

        await silos.Services.Until(_ => silos.Orders().Any(order => order.Generation == 6));
        Assert.Equal([5, 6], silos.Orders().Select(order => order.Generation));
    }

    [Fact]
    public async Task A_node_that_knows_a_session_knows_older_ones_also_past_the_collection_age()
    {
        await silos.Connect(TwoWorkers.First, 2);
        await CollectAsync();
        await silos.Connect(TwoWorkers.First, 1);

        var view = JsonSerializer.Deserialize(await GrainCalls.Find(silos.Grains, Node).Describe(), MachinesJson.Default.NodeView)!;
        Assert.Equal(new WorkerSession(1, 2), view.Session);
    }

    private static PrepareRank Prepare(long generation) => new()
    {
        Job = TwoWorkers.Job,
        Incarnation = 1,
        Timeline = 0,
        Generation = generation,
        Gpu = TwoWorkers.GpuOf(TwoWorkers.First),
    };

    /// <summary>
    /// The collection age has passed for every grain; one that has nothing to keep is collected, which shows that it was so.
    /// </summary>
    private async Task CollectAsync()
    {
        var idle = GrainAddress.Of(new JobId("nobodys"));
        await GrainCalls.Find(silos.Grains, idle).Describe();
        var management = silos.Grains.GetGrain<IManagementGrain>(0);
        Assert.Contains(idle.Key, await ActiveAsync(management));
        await management.ForceActivationCollection(TimeSpan.Zero);
        Assert.DoesNotContain(idle.Key, await ActiveAsync(management));
    }

    private static async Task<IEnumerable<string>> ActiveAsync(IManagementGrain management) =>
        (await management.GetActiveGrains(GrainType.Create(Coordinator.Grains.GrainNames.Job))).Select(grain => grain.Key.ToString()!);
}
