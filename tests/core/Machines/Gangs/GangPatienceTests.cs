using Coordinator.Machines;
using Coordinator.Machines.Gangs;

namespace Coordinator.Tests.Machines.Gangs;

/// <summary>A gang's machine whose silo stands still: what its agents had said meanwhile lies before its door.</summary>
public sealed class GangPatienceTests
{
    private static readonly JobId Job = new("g");
    private readonly string prepared;
    private GangMachine machine = new(Job, null);
    private string stored = "";
    private readonly List<CoordinatorEvent> events = [];
    private readonly List<GangOrder> seats = [];
    private readonly Dictionary<string, long> sequences = [];
    private TimeSpan now;

    public GangPatienceTests()
    {
        Prepare();
        prepared = stored;
        Report(0, "n1", GangPhase.Ready);
        Report(0, "n2", GangPhase.Ready);
        Report(0, "n1", GangPhase.Running);
        Report(0, "n2", GangPhase.Running);
        Assert.Contains(events, seen => seen.Kind == EventKinds.GenerationRunning);
    }

    [Fact]
    public void A_silo_that_stood_still_loses_nobody()
    {
        // It wakes 60 s later: first comes what was due, and only then what its agents have said all the while.
        Handle(60, new DeadlinePassed());
        Report(60, "n1", GangPhase.Running);
        Handle(60.1, new DeadlinePassed());
        Report(60.2, "n2", GangPhase.Running);

        Assert.DoesNotContain(events, seen => seen.Kind == EventKinds.GangStopping);
    }

    [Fact]
    public void An_agent_that_is_silent_while_the_silo_runs_is_lost_after_four_fifths_of_a_lease()
    {
        Pass(30, "n1");

        var stopping = Assert.Single(events, seen => seen.Kind == EventKinds.GangStopping);
        Assert.Equal("generation 1 ends: n2 was not heard for 4 s", stopping.Text);
        Assert.Equal(TimeSpan.FromSeconds(4), now);
    }

    [Fact]
    public void A_generation_that_prepares_outlives_its_silo_and_waits_for_nodes_that_find_the_new_one()
    {
        Load(prepared);
        Handle(0, new GangOffered(new GpusOffered(2, 1, [Offer("n1", isUp: false), Offer("n2", isUp: false)])));
        Pass(20);
        Report(20, "n1", GangPhase.Ready);
        Handle(20, new GangOffered(new GpusOffered(2, 2, [Offer("n1"), Offer("n2")])));
        Report(20, "n2", GangPhase.Ready);

        Assert.DoesNotContain(events, seen => seen.Kind == EventKinds.GangStopping);
        Assert.Contains(events, seen => seen is { Kind: EventKinds.GenerationPlanned, Generation: 1 });
    }

    [Fact]
    public void A_node_that_is_slow_before_anything_runs_costs_no_generation_and_one_that_stays_away_no_restart()
    {
        Prepare();
        Report(0, "n1", GangPhase.Ready);
        Handle(2, new GangOffered(new GpusOffered(1, 2, [Offer("n1"), Offer("n2", isUp: false)])));
        Pass(3.9);
        Assert.DoesNotContain(events, seen => seen.Kind == EventKinds.GangStopping);

        Pass(10);
        var stopping = Assert.Single(events, seen => seen.Kind == EventKinds.GangStopping);
        Assert.Equal("generation 1 ends: n2 is out of reach", stopping.Text);

        // It is noticed when the machine looks the next time, which it does each second.
        Assert.InRange(now, TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(5));
        Handle(5, new GangOffered(new GpusOffered(1, 3, [Offer("n1"), Offer("n2")])));
        Assert.Equal([(1L, 0), (2L, 0)], seats.Select(order => (order.Generation, order.Seat!.Restarts)).Distinct());
        var view = Coordinator.Machines.Contracts.Read<GangView>(machine.Describe(now));
        Assert.Equal((2, 0), (view.Generation, view.Restarts));
    }

    [Fact]
    public void A_gang_that_runs_outlives_its_silo_and_waits_for_agents_that_are_slow_to_find_the_new_one()
    {
        Load(stored);
        Pass(25, "n1");
        Report(25, "n2", GangPhase.Running);
        Pass(28, "n1");
        Assert.DoesNotContain(events, seen => seen.Kind == EventKinds.GangStopping);

        // Whoever has found it is held to its lease again.
        Pass(60, "n1");
        var stopping = Assert.Single(events, seen => seen.Kind == EventKinds.GangStopping);
        Assert.Equal("generation 1 ends: n2 was not heard for 4 s", stopping.Text);
    }

    [Fact]
    public void A_node_that_went_with_the_silo_is_lost_after_half_a_minute()
    {
        Load(stored);
        Pass(60, "n1");

        var stopping = Assert.Single(events, seen => seen.Kind == EventKinds.GangStopping);
        Assert.Equal("generation 1 ends: n2 was not heard for 30 s", stopping.Text);
        Assert.Equal(TimeSpan.FromSeconds(30), now);
    }

    /// <summary>A new gang whose first generation prepares.</summary>
    private void Prepare()
    {
        machine = new GangMachine(Job, null);
        events.Clear();
        seats.Clear();
        Handle(0, new Activated("silo"));
        var spec = new GangSpec { Command = ["program"], MinNodes = 2, MaxNodes = 2, Lease = TimeSpan.FromSeconds(5) };
        Handle(0, new SubmitGang(spec) { Secret = "s" });
        Handle(0, new GangOffered(new GpusOffered(1, 1, [Offer("n1"), Offer("n2")])));
    }

    private static GpuOffer Offer(string node, bool isUp = true) =>
        new(new GpuId(new NodeId(node), 0), new WorkerSession(1, 1), $"{node}:7000", "cpu", "cpu", isUp);

    private void Load(string state)
    {
        machine = new GangMachine(Job, state);
        events.Clear();
        Handle(0, new Activated("another silo"));
    }

    /// <summary>Every turn that is due until then, or until the generation ends, with what a node's agent says in each.</summary>
    private void Pass(double until, string? speaks = null)
    {
        while (machine.NextDeadline is { } due && due.TotalSeconds < until && events.All(seen => seen.Kind != EventKinds.GangStopping))
        {
            Handle(due.TotalSeconds, new DeadlinePassed());
            if (speaks is not null)
                Report(due.TotalSeconds, speaks, GangPhase.Running);
        }
    }

    private void Report(double second, string node, GangPhase phase)
    {
        var sequence = sequences[node] = sequences.GetValueOrDefault(node) + 1;
        var rank = node == "n1" ? 0 : 1;
        Handle(second, new GangReported(new NodeId(node), new WorkerSession(1, 1), new GangReport
        {
            Job = Job,
            Generation = 1,
            Sequence = sequence,
            Phase = phase,
            MasterPort = rank == 0 ? 29500 : 0,
            LeasePort = 29600,
            Ranks = phase == GangPhase.Running ? [new GangRank(rank, 0, 1000 + rank)] : [],
        }));
    }

    /// <summary>An input, and every turn that is due at once after it.</summary>
    private void Handle(double second, GrainMessage message)
    {
        now = TimeSpan.FromSeconds(second);
        for (var next = message; next is not null; next = machine.NextDeadline <= now ? new DeadlinePassed() : null)
        {
            var outputs = new Outputs();
            machine.Handle(now, next, outputs);
            seats.AddRange(outputs.Items.OfType<SendToGrain>().Select(sent => (sent.Message as GangNodeOrdered)?.Order)
                .OfType<GangOrder>().Where(order => order.Seat is not null));
            stored = outputs.Items.OfType<PersistState>().LastOrDefault()?.StateJson ?? stored;
            events.AddRange(outputs.Items.OfType<ObserveEvent>().Select(observed => observed.Event));
        }
    }
}
