using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Machines.Nodes;

namespace Coordinator.Tests.Machines;

/// <summary>A node's machine alone: what it says is of the process that is there now, and of its connection as it stands now.</summary>
public sealed class NodeMachineTests
{
    private static readonly NodeId Node = new("n1");
    private static readonly JobId Job = new("j");

    private readonly NodeMachine machine = new(Node);
    private readonly Outputs outputs = new();
    private TimeSpan now = TimeSpan.FromSeconds(1);

    private NodeView View => JsonSerializer.Deserialize(machine.Describe(now), MachinesJson.Default.NodeView)!;

    [Fact]
    public void Ranks_of_a_process_that_is_gone_are_not_shown_as_those_of_the_next_one()
    {
        Connect(boot: 1);
        Beat(boot: 1);
        Assert.Equal(Job, Assert.Single(View.Ranks).Job);

        Tell(new WorkerDisconnected(new WorkerSession(1, 1), "closed"));
        Connect(boot: 2);

        Assert.Empty(View.Ranks);
    }

    [Fact]
    public void A_node_that_was_loaded_anew_goes_on_counting_its_reports_where_the_cluster_stands()
    {
        Connect(boot: 1);
        Assert.Equal(1, Assert.Single(Sent<NodeReported>()).Sequence);

        Tell(new NodeReportTaken(new WorkerSession(1, 1), 50));

        Assert.Equal(51, Assert.Single(Sent<NodeReported>()).Sequence);
    }

    [Fact]
    public void A_report_that_the_cluster_does_not_take_comes_again_after_twice_as_long_each_time_up_to_eight_seconds()
    {
        Connect(boot: 1);
        var said = now;
        List<double> pauses = [];
        while (pauses.Count < 6)
        {
            now = machine.NextDeadline!.Value;
            Beat(boot: 1);
            if (!Sent<NodeReported>().Any())
                continue;
            pauses.Add((now - said).TotalSeconds);
            said = now;
        }

        Assert.Equal([0.5, 1, 2, 4, 8, 8], pauses);
    }

    [Fact]
    public void The_cluster_hears_that_a_node_is_out_of_reach_after_a_moment_of_grace()
    {
        Connect(boot: 1);
        Tell(new NodeReportTaken(new WorkerSession(1, 1), 1));
        Tell(new WorkerDisconnected(new WorkerSession(1, 1), "closed"));
        Assert.Empty(Sent<NodeReported>());
        Assert.Equal(now + TimeSpan.FromSeconds(1), machine.NextDeadline);

        now = machine.NextDeadline!.Value;
        Tell(new DeadlinePassed());

        Assert.False(Assert.Single(Sent<NodeReported>()).Up);
    }

    [Fact]
    public void A_connection_that_ends_after_a_silence_is_said_to_have_ended()
    {
        Connect(boot: 1);
        Beat(boot: 1);
        now += TimeSpan.FromMinutes(1);
        Tell(new DeadlinePassed());
        Assert.Equal((false, true), Link());

        Tell(new WorkerDisconnected(new WorkerSession(1, 1), "closed"));

        Assert.Equal((false, false), Link());
    }

    [Fact]
    public void What_a_gateway_held_back_counts_from_when_the_worker_said_it()
    {
        Connect(boot: 1);
        Tell(new NodeReportTaken(new WorkerSession(1, 1), 1));
        Beat(boot: 1);
        now += TimeSpan.FromSeconds(5);
        Tell(new WorkerSaid(new WorkerSession(1, 1), new Heartbeat(1, [])) { Age = TimeSpan.FromSeconds(1.5) });
        Tell(new DeadlinePassed());
        Assert.Empty(Sent<NodeReported>());
        Assert.Equal(now + TimeSpan.FromSeconds(3.5), machine.NextDeadline);
    }

    [Fact]
    public void What_a_gateway_held_back_for_too_long_brings_no_silent_node_back()
    {
        Connect(boot: 1);
        Beat(boot: 1);
        now += TimeSpan.FromSeconds(20);
        Tell(new WorkerSaid(new WorkerSession(1, 1), new Heartbeat(1, [])) { Age = TimeSpan.FromSeconds(6) });
        Assert.Equal((false, true), Link());
        Tell(new WorkerSaid(new WorkerSession(1, 1), new Heartbeat(1, [])) { Age = TimeSpan.FromSeconds(6) });
        Assert.Empty(Sent<NodeLinkReported>());
        Tell(new WorkerSaid(new WorkerSession(1, 1), new Heartbeat(1, [])));
        Assert.False(Link().Silent);
    }

    [Fact]
    public void A_gpu_of_which_nothing_is_asked_is_not_spoken_to_and_its_node_speaks_for_it()
    {
        Connect(boot: 1);
        Assert.DoesNotContain(Calls(), call => call.To.Kind == GrainKind.Gpu);
        Assert.Empty(View.Resting);
        Tell(new NodeReportTaken(new WorkerSession(1, 1), 1));
        Measure(new GpuReading { Index = 0, TemperatureC = 61, UncorrectedEcc = 0, RecoveryAction = 0 });
        Assert.Empty(Calls());
        now += TimeSpan.FromSeconds(2);
        var resting = Assert.Single(View.Resting);
        Assert.Equal(("healthy", 61.0, 2000.0), (resting.Health, resting.Reading?.TemperatureC, resting.ReadingAgeMs));

        // Until the cluster has answered this session's hello, the gpu may be on its record.
        Tell(new WorkerDisconnected(new WorkerSession(1, 1), "closed"));
        Connect(boot: 2);
        Assert.Empty(View.Resting);
    }

    [Fact]
    public void The_first_order_brings_a_gpu_its_process_and_its_last_reading_and_what_follows_goes_to_it()
    {
        Connect(boot: 1);
        Tell(new NodeReportTaken(new WorkerSession(1, 1), 1));
        Measure(new GpuReading { Index = 0, TemperatureC = 61 });
        Order(generation: 1);
        Assert.Equal([typeof(GpuAttached), typeof(GpuMeasured), typeof(GpuOrdered)], Calls().Select(call => call.Message.GetType()));
        Assert.Empty(View.Resting);
        Order(generation: 2);
        Assert.IsType<GpuOrdered>(Assert.Single(Calls()).Message);
        Measure(new GpuReading { Index = 0, TemperatureC = 62 });
        Assert.Equal(62, Assert.Single(Sent<GpuMeasured>()).Reading.TemperatureC);

        // Its grain knows older processes by the newest that it has heard of.
        Tell(new WorkerDisconnected(new WorkerSession(1, 1), "closed"));
        Connect(boot: 2);
        Assert.Equal(new WorkerSession(2, 1), Assert.Single(Sent<GpuAttached>()).Session);
    }

    [Fact]
    public void A_gang_that_gets_the_node_wakes_its_gpus()
    {
        Connect(boot: 1);
        Tell(new GangNodeOrdered(new GangOrder { Job = Job, Incarnation = 1, Generation = 1, Wish = default }));
        Assert.IsType<GpuAttached>(Assert.Single(Calls(), call => call.To.Kind == GrainKind.Gpu).Message);
    }

    [Fact]
    public void A_reading_that_says_something_wakes_the_gpu()
    {
        Connect(boot: 1);
        Measure(new GpuReading { Index = 0, Xids = [13] });
        Assert.Equal([typeof(GpuAttached), typeof(GpuMeasured)], Calls().Select(call => call.Message.GetType()));
    }

    [Fact]
    public void A_gpu_on_record_is_woken_with_what_was_read_before_and_again_at_each_answer_of_the_cluster()
    {
        Connect(boot: 1);
        Measure(new GpuReading { Index = 0, TemperatureC = 61 });
        Tell(new NodeReportTaken(new WorkerSession(1, 1), 1) { Watched = [0, 7] });
        Assert.Equal([typeof(GpuAttached), typeof(GpuMeasured)], Calls().Select(call => call.Message.GetType()));
        Assert.True(Sent<GpuAttached>().Single().Watched);
        Assert.Empty(View.Resting);
        Tell(new NodeReportTaken(new WorkerSession(1, 1), 1) { Watched = [0] });
        Assert.IsType<GpuAttached>(Assert.Single(Calls()).Message);
    }

    private void Measure(GpuReading reading) => Tell(new WorkerSaid(new WorkerSession(1, 1), new GpusMeasured([reading])));

    private void Order(long generation) => Tell(new NodeOrders(
        Job, 1, null, [new PrepareRank { Job = Job, Incarnation = 1, Timeline = 0, Generation = generation, Gpu = new GpuId(Node, 0) }]));

    private IEnumerable<SendToGrain> Calls() => outputs.Items.OfType<SendToGrain>();

    private (bool Connected, bool Silent) Link()
    {
        var link = Assert.Single(Sent<NodeLinkReported>());
        return (link.Connected, link.Silent);
    }

    private void Connect(long boot) => Tell(new WorkerConnected(new WorkerSession(boot, 1), HelloOf(boot)));

    private static Hello HelloOf(long boot) => new()
    {
        Node = Node,
        Session = new WorkerSession(boot, 1),
        DataAddress = "n1:7000",
        Gpus = [new GpuDescription(0, "fake", "fake", "cpu")],
    };

    private void Beat(long boot) =>
        Tell(new WorkerSaid(new WorkerSession(boot, 1), new Heartbeat(1, [new RankPosition(0, Job, 1, 3, "computing")])));

    private void Tell(GrainMessage message)
    {
        outputs.Clear();
        machine.Handle(now, message, outputs);
    }

    private IEnumerable<T> Sent<T>()
        where T : GrainMessage => outputs.Items.OfType<SendToGrain>().Select(send => send.Message).OfType<T>();
}
