using System.Collections.Concurrent;
using System.Text;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Tests.Orleans.Support;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime.Placement;
using Orleans.Serialization;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

/// <summary>
/// What a job tells all its nodes alike crosses once to each silo, however many nodes are there: orders name it, and a silo that lacks it
/// asks the job. Three silos, the job on the first of them, and its nodes on the others.
/// </summary>
public sealed class SharedPartsTests : IAsyncLifetime
{
    private const int Nodes = 60;

    private static readonly MembershipChange Change = new()
    {
        Job = TwoWorkers.Job,
        Incarnation = 1,
        FromGeneration = 0,
        ToGeneration = 1,
        Added = [.. Enumerable.Range(0, Nodes).Select(node => new Member(GpuOf(node), $"host-{node}:7000", node))],
        Hash = new string('a', 64),
        Key = "a2V5",
    };

    private static readonly ShardsAssigned Assignment = new(
        TwoWorkers.Job, 1, 1, [.. Enumerable.Range(0, Nodes).Select(rank => new ShardRun(rank, rank, 1))]);

    private TestSilos silos = null!;
    private IServiceProvider[] each = [];

    public async Task InitializeAsync()
    {
        silos = await TestSilos.StartAsync(new SharedStorage(), silos: 3);
        each = [.. silos.Cluster.Silos.Select(silo => silos.Cluster.GetSiloServiceProvider(silo.SiloAddress))];
        await PlaceAsync(GrainAddress.Of(TwoWorkers.Job), 0);
        for (var node = 0; node < Nodes; node++)
            await PlaceAsync(GrainAddress.Of(NodeOf(node)), 1 + (node % 2));
    }

    public async Task DisposeAsync() => await silos.DisposeAsync();

    [Fact]
    public async Task A_membership_and_an_assignment_cross_once_to_each_silo_and_are_parsed_once_there()
    {
        await Task.WhenAll(Enumerable.Range(0, Nodes).Select(node => OrderAsync(node, Change, Assignment)));

        var text = Parts(0).Changes.Write(Change).Length;
        Assert.Equal((1, 0, 0), (Parts(0).Changes.Written, Parts(0).Changes.Parsed, Parts(0).Changes.ReceivedBytes));
        Assert.All([1, 2], silo =>
            Assert.Equal((0, 1, text), (Parts(silo).Changes.Written, Parts(silo).Changes.Parsed, Parts(silo).Changes.ReceivedBytes)));
        Assert.All([1, 2], silo => Assert.Equal((0, 1), (Parts(silo).Assignments.Written, Parts(silo).Assignments.Parsed)));

        // Every node's worker is told, and the nodes of a silo share the very object.
        var told = silos.Services.ToWorkers.ToArray();
        Assert.Equal(
            Enumerable.Range(0, Nodes).Select(NodeOf),
            told.Where(sent => sent.Message is MembershipChanged).Select(sent => sent.Node).Order());
        Assert.Equal(2, told.Select(sent => sent.Message).OfType<MembershipChanged>().Select(changed => changed.Change)
            .Distinct(ReferenceEqualityComparer.Instance).Count());
        Assert.Equal(2, told.Select(sent => sent.Message).OfType<ShardsAssigned>().Distinct(ReferenceEqualityComparer.Instance).Count());
        Assert.All(
            told.Select(sent => sent.Message).OfType<MembershipChanged>(), changed => Assert.Equal(Change.Added, changed.Change.Added));
        Assert.Empty(silos.Services.Lost);
    }

    [Fact]
    public void What_an_order_costs_between_silos_does_not_grow_with_the_width_of_its_job()
    {
        var serializer = each[0].GetRequiredService<Serializer>();
        var narrow = serializer.SerializeToArray<GrainMessage>(
            Orders(7, Change with { Added = [.. Change.Added.Take(2)] }, Assignment with { Runs = [.. Assignment.Runs.Take(2)] })).Length;

        Assert.Equal(narrow, serializer.SerializeToArray<GrainMessage>(Orders(7, Change, Assignment)).Length);
    }

    [Fact]
    public void An_assignment_of_shards_has_the_name_that_earlier_builds_gave_its_kind() => Assert.Equal(
        """{"part":{"kind":"Deal","job":"j","incarnation":1,"generation":2,"digest":"ab"}}""",
        Encoding.UTF8.GetString(new PartName(PartKind.Assignment, new JobId("j"), 1, 2, "ab").Write()));

    [Fact]
    public async Task Orders_whose_membership_nobody_has_any_more_are_refused_alone_and_the_next_ones_count()
    {
        var serializer = each[0].GetRequiredService<Serializer>();
        var written = serializer.SerializeToArray<GrainMessage[]>([Orders(1, Change, null), Orders(1, null, null)]);
        var digest = PartName.Read(Parts(0).Changes.WriteName(Change)).Digest;
        System.Text.Encoding.ASCII.GetBytes(new string('0', digest.Length)).CopyTo(
            written.AsSpan(written.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(digest))));
        var batch = each[1].GetRequiredService<Serializer>().Deserialize<GrainMessage[]>(written)!;

        var refusal = await Assert.ThrowsAsync<ArgumentException>(
            () => GrainCalls.Find(each[1].GetRequiredService<IGrainFactory>(), GrainAddress.Of(NodeOf(0))).TakeAll(batch));
        Assert.Equal(
            $"job {TwoWorkers.Job} has no part {new string('0', digest.Length)} of incarnation 1, generation 1 any more", refusal.Message);
        Assert.DoesNotContain(silos.Services.ToWorkers, sent => sent.Message is MembershipChanged);

        await OrderAsync(0, Change, null);
        Assert.Contains(silos.Services.ToWorkers, sent => sent.Message is MembershipChanged);
    }

    [Fact]
    public async Task A_delivery_to_another_silos_gateway_names_what_all_nodes_are_told_and_nothing_else()
    {
        foreach (var message in (CoordinatorMessage[])[new MembershipChanged(Change), Assignment])
        {
            var name = Parts(0).NameOf(message)!;
            Assert.True(PartName.IsName(name));
            var told = await Task.WhenAll(Enumerable.Range(0, Nodes).Select(_ => Parts(1).MessageOfAsync(PartName.Read(name))));
            Assert.All(told, one => Assert.IsType(message.GetType(), one));
            Assert.Single(told.Select(one => one is MembershipChanged changed ? changed.Change : (object)one).Distinct(
                ReferenceEqualityComparer.Instance));
        }

        Assert.Equal((1, 1), (Parts(1).Changes.Parsed, Parts(1).Assignments.Parsed));
        Assert.Null(Parts(0).NameOf(new Welcome(new WorkerSession(1, 1), TimeSpan.FromSeconds(1))));
        Assert.False(PartName.IsName(Coordinator.Server.Gateway.SharedFrames.TextOf(new MembershipChanged(Change))));
    }

    [Fact]
    public void A_silo_of_an_earlier_build_is_sent_the_whole()
    {
        // A client speaks for itself alone: nobody could ask it, so what it writes is what is written to a silo that knows no names.
        var written = silos.Client.GetRequiredService<Serializer>().SerializeToArray<GrainMessage>(Orders(1, Change, Assignment));
        var (read, again) = (Read(), Read());

        Assert.Equal((Change.Hash, Nodes, Nodes), (read.Change!.Hash, read.Change.Added.Count, read.Assignment!.Runs.Count));
        Assert.Same(read.Change, again.Change);
        Assert.Same(read.Assignment, again.Assignment);
        Assert.Equal(1, Parts(2).Changes.Parsed);

        NodeOrders Read() => Assert.IsType<NodeOrders>(each[2].GetRequiredService<Serializer>().Deserialize<GrainMessage>(written));
    }

    [Fact]
    public async Task However_many_wait_for_a_part_it_is_asked_for_once_and_another_text_is_refused()
    {
        var (writer, reader) = (Parts(0).Changes, Parts(1).Changes);
        var name = PartName.Read(writer.WriteName(Change));
        var asked = new ConcurrentQueue<PartName>();
        var answer = new TaskCompletionSource<byte[]?>();
        var waiting = Enumerable.Range(0, Nodes).Select(_ => reader.GetAsync(name, AskAsync)).ToArray();
        answer.SetResult(writer.TextOf(name.Digest));

        Assert.Single((await Task.WhenAll(waiting)).Distinct(ReferenceEqualityComparer.Instance));
        Assert.Equal(name, Assert.Single(asked));
        var forged = await Assert.ThrowsAsync<ArgumentException>(
            () => reader.GetAsync(name with { Digest = new string('0', 32) }, _ => Task.FromResult<byte[]?>(writer.TextOf(name.Digest))));
        Assert.Contains("another text", forged.Message, StringComparison.Ordinal);

        Task<byte[]?> AskAsync(PartName wanted)
        {
            asked.Enqueue(wanted);
            return answer.Task;
        }
    }

    private static NodeId NodeOf(int node) => new($"n{node:d5}");

    private static GpuId GpuOf(int node) => new(NodeOf(node), 0);

    private static NodeOrders Orders(int node, MembershipChange? change, ShardsAssigned? assignment) =>
        new(
            TwoWorkers.Job,
            1,
            change,
            [new PrepareRank { Job = TwoWorkers.Job, Incarnation = 1, Timeline = 0, Generation = 1, Gpu = GpuOf(node) }],
            Assignment: assignment);

    private SharedParts Parts(int silo) => each[silo].GetRequiredService<SharedParts>();

    /// <summary>As the job sends it: from its silo.</summary>
    private Task OrderAsync(int node, MembershipChange? change, ShardsAssigned? assignment) =>
        GrainCalls.Deliver(each[0].GetRequiredService<IGrainFactory>(), GrainAddress.Of(NodeOf(node)), Orders(node, change, assignment));

    private async Task PlaceAsync(GrainAddress grain, int silo)
    {
        RequestContext.Set(IPlacementDirector.PlacementHintKey, silos.Cluster.Silos[silo].SiloAddress);
        await GrainCalls.Find(each[silo].GetRequiredService<IGrainFactory>(), grain).Describe();
        RequestContext.Clear();
    }
}
