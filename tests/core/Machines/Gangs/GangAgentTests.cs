using Coordinator.Machines;
using Coordinator.Machines.Gangs;

namespace Coordinator.Tests.Machines.Gangs;

/// <summary>An agent alone: how long its processes live that nobody is heard of.</summary>
public sealed class GangAgentTests
{
    private static readonly JobId Job = new("g");
    private readonly GangAgentMachine agent = new(Job, 1000);
    private readonly List<GangAgentOutput> said = [];
    private long heard;

    [Theory]
    [InlineData(2)]
    [InlineData(1)]
    public void A_lease_ends_a_grace_as_well_since_the_next_generation_starts_by_it(int nodes)
    {
        var spec = new GangSpec { Grace = Second(60), Lease = Second(5), Alone = Second(600), MinNodes = nodes, MaxNodes = nodes };
        Order(0, GangWish.Prepare, spec, nodes);
        Take(0, new AgentPrepared(1, 29500, 29600));
        Order(1, GangWish.Run, spec, nodes);
        Take(1, new AgentRankStarted(1, 0, 77));
        Order(2, GangWish.Stop, spec, nodes);
        Assert.Contains(said, output => output is EndRanks);

        // The job was heard at 2 s, and then nobody: it counts the processes as dead 5 s after that, and what a kill takes.
        Take(6.9, new AgentTimePassed());
        Assert.DoesNotContain(said, output => output is KillRanks);
        Assert.Equal(Second(7), agent.KillsAt);
        Take(7, new AgentTimePassed());
        Assert.Contains(said, output => output is KillRanks);
    }

    [Fact]
    public void A_grace_goes_on_while_the_job_is_heard()
    {
        var spec = new GangSpec { Grace = Second(60), Lease = Second(5), MinNodes = 2, MaxNodes = 2 };
        Order(0, GangWish.Prepare, spec, 2);
        Take(0, new AgentPrepared(1, 29500, 29600));
        Order(1, GangWish.Run, spec, 2);
        Take(1, new AgentRankStarted(1, 0, 77));
        for (var second = 2; second < 61; second++)
            Order(second, GangWish.Stop, spec, 2);

        Assert.DoesNotContain(said, output => output is KillRanks);
        Take(62, new AgentTimePassed());
        Assert.Contains(said, output => output is KillRanks);
    }

    [Fact]
    public void What_nobody_answers_is_repeated_ever_more_slowly()
    {
        Order(0, GangWish.Prepare, new GangSpec { Lease = Second(60), MinNodes = 2, MaxNodes = 2 }, 2);
        Take(0, new AgentPrepared(1, 29500, 29600));
        said.Clear();
        List<double> at = [];
        while (agent.NextDeadline is { } due && due < Second(20))
        {
            agent.Handle(due, new AgentTimePassed(), said);
            at.Add(due.TotalSeconds);
        }

        // Twice as slowly each time, up to what is said unasked.
        Assert.Equal(at.Count, said.OfType<TellGang>().Count());
        Assert.True(at.Count <= 6, string.Join(' ', at));
        Assert.True(at.Zip(at.Skip(1), (a, b) => b - a).All(pause => pause <= 5), string.Join(' ', at));
    }

    /// <summary>An order that answers the newest report.</summary>
    private void Order(double second, GangWish wish, GangSpec spec, int nodes) => Take(second, new AgentOrdered(new GangOrder
    {
        Job = Job,
        Incarnation = 1,
        Generation = 1,
        Wish = wish,
        Heard = heard,
        Spec = spec,
        Seat = new GangSeat(0, nodes, [0], 0),
        Start = new GangStart("n1", 29500, "", [.. Enumerable.Range(0, nodes).Select(index => new GangPeer(index, $"n{index}:1"))]),
    }));

    private void Take(double second, GangAgentInput input)
    {
        // It says how it is before it is told, so what it is told answers what it has just said.
        var outputs = new List<GangAgentOutput>();
        agent.Handle(Second(second), new AgentTimePassed(), outputs);
        Note(outputs);
        outputs.Clear();
        var told = input is AgentOrdered ordered ? new AgentOrdered(ordered.Order with { Heard = heard }) : input;
        agent.Handle(Second(second), told, outputs);
        Note(outputs);
    }

    private void Note(List<GangAgentOutput> outputs)
    {
        said.AddRange(outputs);
        heard = outputs.OfType<TellGang>().Select(told => told.Report.Sequence).DefaultIfEmpty(heard).Max();
    }

    private static TimeSpan Second(double at) => TimeSpan.FromSeconds(at);
}
