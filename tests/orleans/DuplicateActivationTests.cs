using System.Text.Json;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Tests.Orleans.Support;
using Coordinator.Worker.Agent;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

/// <summary>
/// Two activations of one job, each sure to be the only one: two clusters that do not know of each other (membership held back) over one
/// storage, whose writes the test holds back. It is what a partition, or a silo that was frozen and wakes, amounts to.
/// </summary>
public sealed class DuplicateActivationTests : IAsyncLifetime
{
    private readonly SharedStorage storage = new();
    private TestSilos old = null!;
    private TestSilos young = null!;

    public async Task InitializeAsync()
    {
        old = await TestSilos.StartAsync(storage, "silo-old");
        young = await TestSilos.StartAsync(storage, "silo-young");
    }

    public async Task DisposeAsync()
    {
        await old.DisposeAsync();
        await young.DisposeAsync();
    }

    [Fact]
    public async Task The_activation_whose_write_is_held_back_sends_nothing_once_another_has_written()
    {
        await FormFirstGeneration();
        var before = old.Orders().Count();

        // The old one wants the next generation, and its write does not arrive.
        var held = storage.HoldNextWrite("silo-old", TwoWorkers.Job.Value);
        var accusation = Accuse(old, connection: 1);
        await held.Arrived;

        // The workers have found the young one, which loads the job and forms a generation of its own.
        await young.Connect(TwoWorkers.First, 2);
        await young.Connect(TwoWorkers.Second, 2);
        await young.Deliver(GrainAddress.Of(TwoWorkers.Job), new NodeLinkReported(TwoWorkers.First, new WorkerSession(1, 2), true));
        await young.Services.Until(_ => young.Orders().OfType<PrepareRank>().Any(order => order.Incarnation == 2));

        held.Release();
        await accusation;
        await old.Services.Until(services => services.GivenUp.Any(one => one.Grain == GrainAddress.Of(TwoWorkers.Job)));

        Assert.IsType<GivenUpException>(old.Services.GivenUp.First(one => one.Grain == GrainAddress.Of(TwoWorkers.Job)).Why);
        Assert.DoesNotContain(old.Orders().Skip(before), order => order.Incarnation == 1 && order.Generation > 1);
        Assert.Single(Generations(), generation => generation.Generation == 2);
    }

    [Fact]
    public async Task Of_two_activations_that_write_in_turns_each_incarnation_is_one_writers_and_generations_only_rise()
    {
        await FormFirstGeneration();
        for (var round = 1; round <= 4; round++)
        {
            var silos = round % 2 == 1 ? young : old;
            await silos.Connect(TwoWorkers.First, round + 1);
            await silos.Connect(TwoWorkers.Second, round + 1);
            await Nudge(silos, round + 1);
            await Nudge(silos, round + 1);
            await Accuse(silos, round + 1);
        }

        Assert.True(storage.Refused > 0);

        var states = Written().ToArray();
        Assert.All(
            states.GroupBy(write => write.Incarnation), incarnation => Assert.Single(incarnation.Select(write => write.Writer).Distinct()));
        Assert.True(states.Max(write => write.Incarnation) >= 3);
        var generations = states.Select(write => JsonSerializer.Deserialize(write.Json!, MachinesJson.Default.TrainingJobState)!)
            .Select(state => (state.Generation, state.Hash)).ToArray();
        Assert.Equal(generations.Select(state => state.Generation).Order(), generations.Select(state => state.Generation));
        Assert.All(
            generations.GroupBy(state => state.Generation), generation => Assert.Single(generation.Select(state => state.Hash).Distinct()));
    }

    [Fact]
    public async Task Without_the_storages_fence_both_advance()
    {
        // The negative control of the tests above: what they see absent is there when ETags are not compared.
        storage.IgnoresETags = true;
        await FormFirstGeneration();
        var held = storage.HoldNextWrite("silo-old", TwoWorkers.Job.Value);
        var accusation = Accuse(old, connection: 1);
        await held.Arrived;
        await young.Connect(TwoWorkers.First, 2);
        await young.Connect(TwoWorkers.Second, 2);
        await young.Services.Until(_ => young.Orders().OfType<PrepareRank>().Any(order => order.Incarnation == 2));
        held.Release();
        await accusation;

        await old.Services.Until(_ => old.Orders().Any(order => order.Incarnation == 1 && order.Generation > 1));

        // And even then the worker has a fence of its own: what the old one orders now is refused.
        var fence = new OrderFence();
        foreach (var order in young.Orders())
            fence.Obey(order);
        Assert.All(old.Orders().Where(order => order.Generation > 1), order => Assert.NotNull(fence.WhyRefused(order)));
    }

    private async Task FormFirstGeneration()
    {
        await old.Connect(TwoWorkers.First, 1);
        await old.Connect(TwoWorkers.Second, 1);
        await old.Deliver(GrainAddress.Of(TwoWorkers.Job), new SubmitJob(TwoWorkers.Spec));
        await old.Services.Until(_ => old.Orders().OfType<PrepareRank>().Select(order => order.Gpu).Distinct().Count() == 2);
    }

    /// <summary>The first worker accuses the second, with hard evidence: the job wants a generation without it.</summary>
    private static Task Accuse(TestSilos silos, long connection) => Swallow(silos.Deliver(
        GrainAddress.Of(TwoWorkers.Job),
        new WorkerReported(TwoWorkers.First, new WorkerSession(1, connection), new PeerAccused
        {
            Job = TwoWorkers.Job,
            Generation = 1,
            Accuser = TwoWorkers.First,
            Accused = TwoWorkers.Second,
            Evidence = Evidence.ConnectionClosed,
        })));

    private static Task Nudge(TestSilos silos, long connection) =>
        Swallow(
            silos.Deliver(GrainAddress.Of(TwoWorkers.Job), new NodeLinkReported(TwoWorkers.First, new WorkerSession(1, connection), true)));

    /// <summary>An activation that gives up fails the call that it was at; between grains that is a lost message.</summary>
    private static async Task Swallow(Task call)
    {
        try
        {
            await call;
        }
        catch (InvalidOperationException)
        {
        }
    }

    private IEnumerable<StoredMachine> Written() => storage.Writes
        .Where(write => write.Grain.EndsWith($"/{TwoWorkers.Job}", StringComparison.Ordinal))
        .Select(write => JsonSerializer.Deserialize<StoredMachine>(write.Json)!);

    private IEnumerable<(long Generation, string Hash)> Generations() => Written()
        .Select(write => JsonSerializer.Deserialize(write.Json!, MachinesJson.Default.TrainingJobState)!)
        .Select(state => (state.Generation, state.Hash))
        .Distinct();
}
