using Coordinator.Lab.Swarm;
using Coordinator.Machines;

namespace Coordinator.Tests.Swarm;

/// <summary>An agent's own membership: it follows the product's chain, and nothing else.</summary>
public sealed class AgentMembershipTests
{
    private static readonly JobId Job = new("job-1");
    private static readonly SwarmShape Shape = new(Nodes: 40, GpusPerNode: 3, RankGpus: 2);

    private readonly AgentMembership agent = new(Shape, Job);
    private Membership product = Membership.None(Job);

    [Fact]
    public void Through_losses_and_returns_it_has_the_products_hash_members_and_ranks()
    {
        Take(Change([], Enumerable.Range(0, 40).Where(node => node != 7).SelectMany(node => new[] { Member(node, 0), Member(node, 1) })));
        Take(Change([Gpu(3, 0), Gpu(3, 1), Gpu(39, 1)], []));
        Take(Change([Gpu(12, 0)], [Member(3, 1), Member(7, 0), Member(20, 1, boot: 2)]));

        Assert.Equal((product.Generation, product.Hash, product.Members.Count), (agent.Generation, agent.Hash, agent.Count));
        for (var node = 0; node < 40; node++)
        {
            Assert.Equal(product.Members.Any(member => member.Gpu.Node == Shape.NameOf(node)), agent.HasNode(node));
            for (var index = 0; index < 3; index++)
                Assert.Equal(product.RankOf(Gpu(node, index)), agent.RankOf(Gpu(node, index)));
        }
    }

    [Fact]
    public void What_does_not_follow_from_what_it_holds_is_not_taken()
    {
        Take(Change([], [Member(0, 0), Member(1, 0), Member(2, 0)]));
        var second = Change([Gpu(2, 0)], []);
        var third = Change([Gpu(1, 0)], []);

        Assert.False(agent.Take(third));
        Assert.False(agent.Take(second with { Removed = [Gpu(1, 0)] }));
        Assert.False(agent.Take(second with { Hash = third.Hash }));
        Assert.Equal(1, agent.Generation);
        Assert.True(agent.Take(second));
        Assert.True(agent.Take(third));
        Assert.Equal((product.Generation, product.Hash), (agent.Generation, agent.Hash));
    }

    [Fact]
    public void A_ranks_shards_are_those_of_the_shard_map()
    {
        foreach (var (shards, ranks) in ((int, int)[])[(4, 1), (4, 3), (16, 16), (64, 5), (128, 100), (1024, 999)])
        {
            var map = ShardMap.Cut(shards, ranks);
            for (var rank = 0; rank < ranks; rank++)
                Assert.Equal(map[rank], AgentShards.Of(shards, ranks, rank));
        }
    }

    private static GpuId Gpu(int node, int index) => new(Shape.NameOf(node), index);

    private static Member Member(int node, int index, long boot = 1) => new(Gpu(node, index), $"n{node}:7000", boot);

    /// <summary>The next change of the product's chain.</summary>
    private MembershipChange Change(IEnumerable<GpuId> removed, IEnumerable<Member> added)
    {
        var (before, gone, come) = (product.Generation, removed.ToArray(), added.ToArray());
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
        };
    }

    private void Take(MembershipChange change) => Assert.True(agent.Take(change));
}
