using System.Text;
using System.Text.Json;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Tests.Orleans.Support;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

/// <summary>A membership as wide as a job goes to every node of it: in a silo it is one object, between silos one text.</summary>
public sealed class MailTests : IAsyncLifetime
{
    private const int Nodes = 200;

    private static readonly MembershipChange Change = new()
    {
        Job = TwoWorkers.Job,
        Incarnation = 1,
        FromGeneration = 0,
        ToGeneration = 1,
        Added = [.. Enumerable.Range(0, Nodes).Select(node => new Member(new GpuId(new NodeId($"n{node:d5}"), 0), $"host-{node}:7000", node))],
        Hash = new string('a', 64),
        Key = "a2V5",
    };

    private static readonly ShardsDealt Deal = new(TwoWorkers.Job, 1, 1, [.. Enumerable.Range(0, Nodes).Select(rank => new ShardRun(rank, rank, 1))]);

    private TestSilos silos = null!;
    private IServiceProvider silo = null!;

    public async Task InitializeAsync()
    {
        silos = await TestSilos.StartAsync(new SharedStorage());
        silo = silos.Cluster.GetSiloServiceProvider(silos.Cluster.Silos[0].SiloAddress);
    }

    public async Task DisposeAsync() => await silos.DisposeAsync();

    [Fact]
    public async Task Within_a_silo_all_nodes_and_their_workers_share_the_very_membership_that_was_sent()
    {
        for (var node = 0; node < 3; node++)
            await GrainCalls.Deliver(silo.GetRequiredService<IGrainFactory>(), GrainAddress.Of(new NodeId($"n{node:d5}")), Orders(node));

        var told = silos.Services.ToWorkers.Select(sent => sent.Message).ToArray();
        Assert.Equal(3, told.OfType<MembershipChanged>().Count());
        Assert.All(told.OfType<MembershipChanged>(), changed => Assert.Same(Change, changed.Change));
        Assert.Equal(3, told.OfType<ShardsDealt>().Count());
        Assert.All(told.OfType<ShardsDealt>(), deal => Assert.Same(Deal, deal));
    }

    [Fact]
    public void Between_silos_it_is_one_object_for_all_that_receive_it_and_says_what_was_sent()
    {
        var serializer = silo.GetRequiredService<Serializer>();
        var received = Enumerable.Range(0, 3).Select(node => (NodeOrders)Assert.Single(serializer.Deserialize<Mail>(serializer.SerializeToArray(new Mail(Orders(node))))!.Messages)).ToArray();

        Assert.All(received, orders => Assert.Same(received[0].Change, orders.Change));
        Assert.All(received, orders => Assert.Same(received[0].Deal, orders.Deal));
        Assert.NotSame(Change, received[0].Change);
        Assert.Equal(Enumerable.Range(0, 3).Select(node => Text(Orders(node))), received.Select(Text));
    }

    [Fact]
    public void A_shared_text_is_written_once_and_parsed_once_while_its_record_is_used()
    {
        var sender = new SharedPart<MembershipChange>(MachinesJson.Default.MembershipChange);
        var receiver = new SharedPart<MembershipChange>(MachinesJson.Default.MembershipChange);
        var read = Enumerable.Range(0, Nodes).Select(_ => receiver.Read([.. sender.Write(Change)])).Distinct(ReferenceEqualityComparer.Instance).ToArray();
        Assert.Equal((1, 1, 1), (sender.Written, receiver.Parsed, read.Length));

        // The next generation's is another one, and the first is still known.
        var next = Change with { FromGeneration = 1, ToGeneration = 2, Hash = new string('b', 64) };
        Assert.Equal(2, receiver.Read(sender.Write(next)).ToGeneration);
        Assert.Same(read[0], receiver.Read(sender.Write(Change)));
        Assert.Equal((2, 2), (sender.Written, receiver.Parsed));

        // What goes to each node in a record of its own shares the text by what it holds.
        var frames = new SharedPart<CoordinatorMessage>(MachinesJson.Default.CoordinatorMessage);
        Assert.Same(frames.Write(new MembershipChanged(Change), Change), frames.Write(new MembershipChanged(Change), Change));
    }

    [Fact]
    public void Mail_between_silos_names_no_type_of_ours()
    {
        var written = Encoding.Latin1.GetString(silo.GetRequiredService<Serializer>().SerializeToArray(new Mail(Orders(1), new CancelJob("enough"))));
        Assert.Contains("cancel-job", written, StringComparison.Ordinal);
        Assert.DoesNotContain("Coordinator", written, StringComparison.Ordinal);
        Assert.DoesNotContain(nameof(NodeOrders), written, StringComparison.Ordinal);
    }

    private static NodeOrders Orders(int node) => new(TwoWorkers.Job, 1, Change, [new PrepareRank { Job = TwoWorkers.Job, Incarnation = 1, Timeline = 0, Generation = 1, Gpu = new GpuId(new NodeId($"n{node:d5}"), 0) }], Deal: Deal);

    private static string Text(GrainMessage message) => JsonSerializer.Serialize(message, MachinesJson.Default.GrainMessage);
}
