using Coordinator.Machines;

namespace Coordinator.Tests.Machines.Ranks;

/// <summary>Each node is accused once in a generation, never one's own, and all of it is said again until the generation is over.</summary>
public sealed class PeerAccusationsTests
{
    private readonly RankTurns turns = new(ranks: 3, rank: 1);
    private readonly PeerAccusations accusations;

    public PeerAccusationsTests() => accusations = new PeerAccusations(turns.Context);

    [Fact]
    public void A_node_is_accused_once_and_the_own_one_never()
    {
        Assert.True(accusations.Add(RankTurns.Gpu(0).Node, Evidence.ConnectionClosed, "reset"));
        Assert.False(accusations.Add(RankTurns.Gpu(0).Node, Evidence.Silent, "again"));
        Assert.False(accusations.Add(RankTurns.Gpu(1).Node, Evidence.Silent, "oneself"));
        turns.Begin(TimeSpan.FromSeconds(1));
        accusations.Repeat();
        Assert.Equal(RankTurns.Gpu(0).Node, Assert.IsType<PeerAccused>(Assert.Single(turns.Said)).Accused);
    }

    [Fact]
    public void A_generation_forgets_accusations_and_keeps_losses_that_came_before_it()
    {
        accusations.Postpone(new PeerLost(RankTurns.Gpu(0).Node, 4, Evidence.ConnectionClosed, "early"));
        accusations.Add(RankTurns.Gpu(0).Node, Evidence.ConnectionClosed, "reset");
        accusations.Abort();
        accusations.Clear();
        Assert.False(accusations.Any || accusations.IsAborted);
        Assert.Equal("early", Assert.Single(accusations.TakePostponed()).Detail);
        Assert.Empty(accusations.TakePostponed());
    }
}
