using Coordinator.Lab.Swarm;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;

namespace Coordinator.Tests.Swarm;

/// <summary>Two agents under orders that are made by hand.</summary>
public sealed class AgentRanksTests
{
    private static readonly JobId Job = new("job-1");
    private static readonly SwarmShape Shape = new(Nodes: 2, GpusPerNode: 1, RankGpus: 1);
    private static readonly TimeSpan StepTime = TimeSpan.FromSeconds(1);

    private readonly SwarmCounts counts = new();
    private readonly SwarmPlane plane;
    private readonly List<WorkerMessage>[] said = [[], []];
    private readonly AgentRanks[] agents;
    private Membership product = Membership.None(Job);
    private TimeSpan now;

    public AgentRanksTests()
    {
        plane = new SwarmPlane(StepTime, 1, counts.Complain);
        agents = [.. said.Select((to, node) => new AgentRanks(Shape, Shape.NameOf(node), 1, plane, counts, to.Add))];
    }

    [Fact]
    public void Ranks_step_together_stand_still_at_a_promise_and_say_what_is_not_recorded()
    {
        Form(0, 1);
        Plan(firstStep: 1);
        Assert.All(said, words => Assert.IsType<PlanTaken>(words[^1]));
        Pass(StepTime);
        Assert.Equal([1, 1], said.Select(words => words.OfType<RankAdvanced>().Single().Step));
        Pass(StepTime);
        Assert.Equal([1, 2], said[0].OfType<StepsApplied>().Last().Steps.Select(step => step.Step));
        Hear(0, new StepsRecorded(Job, 0, 1));

        Form(0, 1);
        Pass(10 * StepTime);
        var states = said.Select(words => words.OfType<RankState>().Last()).ToArray();
        Assert.All(states, state => Assert.Equal((2, 2, true), (state.Generation, state.Applied, state.HasState)));
        Assert.Equal([new ShardSpan(0, 2)], states[0].Assigned);
        Assert.Equal([2], said[0].OfType<StepsApplied>().Last().Steps.Select(step => step.Step));
        Assert.Equal([1, 2], said[1].OfType<StepsApplied>().Last().Steps.Select(step => step.Step));
        Assert.Empty(counts.Complaints);
    }

    [Fact]
    public void An_agent_that_missed_a_generation_says_so_and_a_rank_that_its_membership_does_not_give_is_a_complaint()
    {
        Form(0, 1);
        var missed = Change([Shape.NameOf(1)], []);
        var next = Change([], [Shape.NameOf(1)]);

        Hear(0, new MembershipChanged(next));
        Hear(0, new RankOrdered(new PrepareRank { Job = Job, Incarnation = 1, Timeline = 0, Generation = 3, Gpu = Gpu(0) }));
        Assert.Equal([3, 3], said[0].OfType<MembershipUnknown>().Select(unknown => unknown.Generation));
        Assert.Equal(1, agents[0].HeldOf(Job).Generation);
        Hear(0, new MembershipChanged(missed));
        Hear(0, new MembershipChanged(next));
        Assert.Equal((3, product.Hash), (agents[0].HeldOf(Job).Generation, agents[0].HeldOf(Job).Hash));

        Order(0, rank: 1, firstStep: 1);
        Assert.Contains(
            "is rank 1 by its plan of generation 3, and 0 by its own membership",
            Assert.Single(counts.Complaints),
            StringComparison.Ordinal);
    }

    [Fact]
    public void The_neighbours_of_a_dead_node_accuse_it_and_no_step_follows()
    {
        Form(0, 1);
        Plan(firstStep: 1);
        agents[1].Stop();
        plane.Lose([Shape.NameOf(1)]);

        var accused = Assert.IsType<PeerAccused>(said[0][^1]);
        Assert.Equal((Shape.NameOf(1), Evidence.ConnectionClosed), (accused.Accused, accused.Evidence));
        Pass(10 * StepTime);
        Assert.Empty(said[0].OfType<RankAdvanced>());
    }

    private static GpuId Gpu(int node) => new(Shape.NameOf(node), 0);

    private MembershipChange Change(IEnumerable<NodeId> removed, IEnumerable<NodeId> added)
    {
        GpuId[] gone = [.. removed.Select(node => new GpuId(node, 0))];
        Member[] come = [.. added.Select(node => new Member(new GpuId(node, 0), $"{node}:7000", 1))];
        var before = product.Generation;
        product = product.Apply(before + 1, gone, come);
        return new MembershipChange
        {
            Job = Job,
            Incarnation = 1,
            FromGeneration = before,
            ToGeneration = before + 1,
            Removed = gone,
            Added = come,
            Hash = product.Hash,
            Key = "",
            Spec = before == 0 ? new JobSpec { Training = new TrainingSpec { Shards = 4 } } : null,
        };
    }

    /// <summary>The next generation, of these nodes: all of them are told, and asked.</summary>
    private void Form(params int[] nodes)
    {
        var change = product.Generation == 0 ? Change([], nodes.Select(Shape.NameOf)) : Change([], []);
        foreach (var node in nodes)
        {
            Hear(node, new MembershipChanged(change));
            Hear(node, new RankOrdered(
                new PrepareRank { Job = Job, Incarnation = 1, Timeline = 0, Generation = product.Generation, Gpu = Gpu(node) }));
        }
    }

    private void Plan(long firstStep)
    {
        for (var node = 0; node < agents.Length; node++)
            Order(node, node, firstStep);
    }

    private void Order(int node, int rank, long firstStep)
    {
        Hear(node, new ShardsAssigned(Job, 1, product.Generation, [new ShardRun(0, 0, 4)]));
        Hear(node, new RankOrdered(new RankPlan
        {
            Job = Job,
            Incarnation = 1,
            Timeline = 0,
            Generation = product.Generation,
            Gpu = Gpu(node),
            Rank = rank,
            FirstStep = firstStep,
            CatchUp = CatchUp.Initialize,
        }));
    }

    private void Hear(int node, CoordinatorMessage message) => agents[node].Hear(message, now);

    private void Pass(TimeSpan time)
    {
        for (var end = now + time; now < end;)
        {
            now += TimeSpan.FromMilliseconds(100);
            plane.Tick(now);
        }
    }
}
