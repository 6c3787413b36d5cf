using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Tests.Orleans.Support;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

/// <summary>Messages that waited for a grain reach it in one call.</summary>
public sealed class BatchTests : IAsyncLifetime
{
    private readonly SharedStorage storage = new();
    private TestSilos silos = null!;

    public async Task InitializeAsync() => silos = await TestSilos.StartAsync(storage);

    public async Task DisposeAsync() => await silos.DisposeAsync();

    [Fact]
    public async Task What_several_messages_changed_is_written_once_and_all_of_them_count()
    {
        await Deliver(Report(1));
        var before = Writes();

        await Deliver(Report(2), Request("a"), Request("b"), Request("c"));

        Assert.Equal(before + 1, Writes());
        var view = await View();
        Assert.Equal(["n1", "n2"], view.Nodes.Select(node => node.Id.Value));
        Assert.Equal([("a", "n1/0"), ("b", "n2/0")], view.Allocations.Where(allocation => allocation.Gpus.Count > 0).Select(
            allocation => (allocation.Job.Value, Assert.Single(allocation.Gpus).ToString())));
    }

    [Fact]
    public async Task What_cannot_be_read_is_refused_and_the_rest_is_handled()
    {
        // What a silo of another version sends: a kind of message that this one does not know.
        var services = silos.Cluster.GetSiloServiceProvider(silos.Cluster.Silos[0].SiloAddress);
        var serializer = services.GetRequiredService<Serializer>();
        var written = serializer.SerializeToArray<GrainMessage[]>([Report(1), Request("a"), Report(2), Report(3)]);
        "gpus-of-a-kind"u8.CopyTo(written.AsSpan(written.AsSpan().IndexOf("gpus-requested"u8)));
        var batch = serializer.Deserialize<GrainMessage[]>(written)!;

        var refusal = await Assert.ThrowsAsync<ArgumentException>(
            () => GrainCalls.Find(services.GetRequiredService<IGrainFactory>(), GrainAddress.Cluster).TakeAll(batch));

        Assert.Contains("gpus-of-a-kind", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(["n1", "n2", "n3"], (await View()).Nodes.Select(node => node.Id.Value));
    }

    [Fact]
    public async Task No_caller_loads_a_grain_or_lets_its_deadline_pass()
    {
        await Deliver(Report(1));
        var before = Writes();
        var refusal = await Assert.ThrowsAsync<ArgumentException>(() =>
            GrainCalls.Find(silos.Grains, GrainAddress.Cluster).TakeAll([new Activated("somebody"), Report(2), new DeadlinePassed()]));
        Assert.Equal("a grain is loaded, and its deadline passes, only by its host's word", refusal.Message);
        Assert.Equal(before, Writes());
        Assert.Equal(["n1", "n2"], (await View()).Nodes.Select(node => node.Id.Value));
    }

    [Fact]
    public void Every_message_between_grains_has_an_operation_that_takes_it()
    {
        var addresses = Enum.GetValues<GrainKind>().Select(kind => new GrainAddress(kind, kind == GrainKind.Gpu ? "n1/0" : "one"))
            .ToArray();
        var messages = typeof(GrainMessage).GetCustomAttributes<JsonDerivedTypeAttribute>().Select(derived => derived.DerivedType)
            .Except([typeof(Activated), typeof(DeadlinePassed)]).ToArray();

        Assert.True(messages.Length > 15);
        Assert.All(
            messages,
            type => Assert.Contains(addresses, address => IsTaken(address, (GrainMessage)RuntimeHelpers.GetUninitializedObject(type))));

        bool IsTaken(GrainAddress to, GrainMessage message) =>
            Record.Exception(() => { _ = GrainCalls.Deliver(silos.Grains, to, message); }) is not ArgumentException;
    }

    private static NodeReported Report(int node) =>
        new(new NodeId($"n{node}"), new WorkerSession(1, 1), 1, true, "host:1", [new GpuDescription(0, "cpu", "cpu", "cpu")]);

    private static GpusRequested Request(string job) => new(new JobId(job), 1, 1, 1, [], []);

    private int Writes() => storage.Writes.Count(write => write.Grain.Contains("cluster", StringComparison.OrdinalIgnoreCase));

    private Task Deliver(params GrainMessage[] messages) => GrainCalls.Deliver(silos.Grains, GrainAddress.Cluster, messages);

    private async Task<ClusterView> View() =>
        JsonSerializer.Deserialize(await GrainCalls.Find(silos.Grains, GrainAddress.Cluster).Describe(), MachinesJson.Default.ClusterView)!;
}
