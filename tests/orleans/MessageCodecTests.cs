using System.Text;
using System.Text.Json;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Tests.Orleans.Support;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

/// <summary>
/// How the machines' records cross between grains: within a silo as they are, between silos as their JSON, of which what all nodes of a job
/// are told alike is written once and read once.
/// </summary>
public sealed class MessageCodecTests : IAsyncLifetime
{
    private const int Nodes = 200;

    private static readonly MembershipChange Change = new()
    {
        Job = TwoWorkers.Job,
        Incarnation = 1,
        FromGeneration = 0,
        ToGeneration = 1,
        Added = [
            .. Enumerable.Range(0, Nodes).Select(node => new Member(new GpuId(new NodeId($"n{node:d5}"), 0), $"host-{node}:7000", node))
        ],
        Hash = new string('a', 64),
        Key = "a2V5",
    };

    private static readonly ShardsAssigned Assignment = new(
        TwoWorkers.Job, 1, 1, [.. Enumerable.Range(0, Nodes).Select(rank => new ShardRun(rank, rank, 1))]);

    private static readonly GrainMessage[] Samples =
    [
        new NodeReported(new NodeId("n1"), new WorkerSession(1, 1), 1, true, "host:1", [new GpuDescription(0, "cpu", "cpu", "cpu")]),
        new GpusRequested(TwoWorkers.Job, 1, 1, 2, [], []) { Priority = 3 },
        new SubmitJob(TwoWorkers.Spec),
        new WorkerSaid(new WorkerSession(1, 1), new RankState
        {
            Job = TwoWorkers.Job,
            Generation = 1,
            Gpu = TwoWorkers.GpuOf(TwoWorkers.First),
            Boot = 1,
            HasState = false,
            Timeline = 0,
            Applied = 0,
        }),
        Orders(1),
        new NodeOrders(TwoWorkers.Job, 1, null, []),
        new DeadlinePassed(),
    ];

    private TestSilos silos = null!;
    private IServiceProvider silo = null!;

    private Serializer Serializer => silo.GetRequiredService<Serializer>();

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
        Assert.Equal(3, told.OfType<ShardsAssigned>().Count());
        Assert.All(told.OfType<ShardsAssigned>(), assignment => Assert.Same(Assignment, assignment));
    }

    [Fact]
    public void Every_message_says_after_the_way_what_it_said_before_alone_and_in_a_batch()
    {
        foreach (var message in Samples)
        {
            Assert.Equal(Text(message), Text(Carry(message)));
            Assert.Equal(message.GetType(), Carry(message).GetType());
        }

        Assert.Equal(Samples.Select(Text), Carry(Samples).Select(Text));

        // The same message twice is one message with two places.
        var twice = Carry<GrainMessage[]>([Samples[0], Samples[1], Samples[0]]);
        Assert.Same(twice[0], twice[2]);
    }

    [Fact]
    public void What_is_on_the_wire_is_the_json_and_names_no_type_of_ours()
    {
        GrainMessage[] batch = [Orders(1), new CancelJob("enough"), Orders(1)];
        foreach (var bytes in (byte[][])[
            Serializer.SerializeToArray(batch), Serializer.SerializeToArray(Orders(1)),
            Serializer.SerializeToArray(new CancelJob("enough")),
        ])
        {
            var written = Encoding.Latin1.GetString(bytes);
            Assert.DoesNotContain("Coordinator", written, StringComparison.Ordinal);
            Assert.DoesNotContain(nameof(NodeOrders), written, StringComparison.Ordinal);
            Assert.DoesNotContain(nameof(CancelJob), written, StringComparison.Ordinal);
            Assert.DoesNotContain(nameof(GrainMessage), written, StringComparison.Ordinal);
        }

        Assert.Contains(
            Text(new CancelJob("enough")), Encoding.UTF8.GetString(Serializer.SerializeToArray(batch)), StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_that_a_later_version_adds_are_passed_over()
    {
        // A message is the length of all, then each part behind its own length. The first of two gets a fourth and a fifth part of none,
        // and a sixth of two bytes.
        var written = Serializer.SerializeToArray<GrainMessage[]>([new CancelJob("enough"), new CancelJob("later")]);
        var start = written.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Text(new CancelJob("enough")))) - sizeof(int) - 1;
        var (length, end) = (written[start] >> 1, start + 1 + (written[start] >> 1));
        byte[] longer =
        [
            .. written[..start], (byte)(((length + 14) << 1) | 1), .. written[(start + 1)..end], 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0,
            (byte)'{', (byte)'}', .. written[end..],
        ];

        Assert.Equal(
            ["enough", "later"], Serializer.Deserialize<GrainMessage[]>(longer)!.Cast<CancelJob>().Select(message => message.Reason));
    }

    [Fact]
    public void An_argument_that_cannot_be_read_or_is_of_another_kind_is_refused_with_what_was_expected_and_found()
    {
        var unknown = Serializer.SerializeToArray(new CancelJob("enough"));
        "cancel-jab"u8.CopyTo(unknown.AsSpan(unknown.AsSpan().IndexOf("cancel-job"u8)));
        var refusal = Assert.Throws<ArgumentException>(() => Serializer.Deserialize<CancelJob>(unknown));
        Assert.StartsWith("expected a CancelJob: cannot read '{\"kind\":\"cancel-jab\"", refusal.Message, StringComparison.Ordinal);

        var other = Assert.Throws<ArgumentException>(
            () => Serializer.Deserialize<SubmitJob>(Serializer.SerializeToArray(new CancelJob("enough"))));
        Assert.Equal("expected a SubmitJob: found a CancelJob", other.Message);
    }

    private T Carry<T>(T value) => Serializer.Deserialize<T>(Serializer.SerializeToArray(value))!;

    private static NodeOrders Orders(int node) => new(TwoWorkers.Job, 1, Change, [new PrepareRank
    {
        Job = TwoWorkers.Job, Incarnation = 1, Timeline = 0, Generation = 1, Gpu = new GpuId(new NodeId($"n{node:d5}"), 0),
    }], Assignment: Assignment);

    private static string Text(GrainMessage message) => JsonSerializer.Serialize(message, MachinesJson.Default.GrainMessage);
}
