using Coordinator.Machines;
using Coordinator.Machines.Gangs;

namespace Coordinator.Tests.Machines.Gangs;

/// <summary>A gang's machine whose silo stands still: what its agents had said meanwhile lies before its door.</summary>
public sealed class GangPatienceTests
{
    private static readonly JobId Job = new("g");
    private readonly GangMachine machine = new(Job, null);
    private readonly List<CoordinatorEvent> events = [];
    private readonly Dictionary<string, long> sequences = [];
    private TimeSpan now;

    public GangPatienceTests()
    {
        Handle(0, new Activated("silo"));
        var spec = new GangSpec { Command = ["program"], MinNodes = 2, MaxNodes = 2, Lease = TimeSpan.FromSeconds(5) };
        Handle(0, new SubmitGang(spec) { Secret = "s" });
        Handle(0, new GangOffered(new GpusOffered(1, 1, [Offer("n1"), Offer("n2")])));
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
        while (now < TimeSpan.FromSeconds(30) && machine.NextDeadline is { } due
            && events.All(seen => seen.Kind != EventKinds.GangStopping))
        {
            now = due;
            Handle(due.TotalSeconds, new DeadlinePassed());
            Report(due.TotalSeconds, "n1", GangPhase.Running);
        }

        var stopping = Assert.Single(events, seen => seen.Kind == EventKinds.GangStopping);
        Assert.Equal("generation 1 ends: n2 was not heard for 4 s", stopping.Text);
        Assert.Equal(TimeSpan.FromSeconds(4), now);
    }

    private static GpuOffer Offer(string node) =>
        new(new GpuId(new NodeId(node), 0), new WorkerSession(1, 1), $"{node}:7000", "cpu", "cpu", Up: true);

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
            events.AddRange(outputs.Items.OfType<ObserveEvent>().Select(observed => observed.Event));
        }
    }
}
