using Coordinator.Machines;

namespace Coordinator.Tests.Machines.Ranks;

/// <summary>
/// Sums that lie beside each other are added up as far as the plan wants them, the left and the right; the rest is dropped.
/// </summary>
public sealed class HeldSubtreesTests
{
    private readonly RankTurns turns = new(ranks: 2);
    private readonly HeldSubtrees held;

    public HeldSubtreesTests() => held = new HeldSubtrees(turns.Context);

    [Fact]
    public void Shards_are_added_up_to_what_is_wanted_and_no_farther_and_then_published()
    {
        Subtree[] wanted = [new Subtree(0, 2)];
        held.Add(Subtree.Leaf(1), wanted);
        Assert.Empty(turns.Outputs);
        held.Add(Subtree.Leaf(0), wanted);
        Assert.Equal([new MergeSubtrees(Subtree.Leaf(0), Subtree.Leaf(1)), new PublishSubtree(new Subtree(0, 2))], turns.Outputs);
        Assert.Equal([new Subtree(0, 2)], held.All);
        Assert.True(held.Has(1));
        Assert.False(held.Has(2));
    }

    [Fact]
    public void A_plan_keeps_what_lies_in_its_share_and_drops_the_rest()
    {
        foreach (var shard in new[] { 0, 1, 4 })
            held.Add(Subtree.Leaf(shard), [Subtree.Leaf(shard)]);
        turns.Begin(TimeSpan.Zero);
        held.Restrict([new Subtree(0, 4)]);
        Assert.Equal([new DropSubtree(Subtree.Leaf(4)), new MergeSubtrees(Subtree.Leaf(0), Subtree.Leaf(1))], turns.Outputs);
        Assert.Equal([new Subtree(0, 2)], held.All);
    }

    [Fact]
    public void When_the_step_is_applied_all_are_dropped()
    {
        held.Add(Subtree.Leaf(0), [Subtree.Leaf(0)]);
        turns.Begin(TimeSpan.Zero);
        held.Drop();
        Assert.Equal([new DropSubtree(Subtree.Leaf(0))], turns.Outputs);
        Assert.Empty(held.All);
    }
}
