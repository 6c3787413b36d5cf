using Coordinator.Machines;

namespace Coordinator.Tests.Machines.Ranks;

/// <summary>Nobody sends beyond what was granted, and an owner grants more when half a window is finished.</summary>
public sealed class SendWindowTests
{
    private static readonly Subtree[] Cover = [new Subtree(0, 4)];

    private readonly RankTurns turns = new(ranks: 2);
    private readonly SendWindow window;

    public SendWindowTests()
    {
        window = new SendWindow(turns.Context);
        window.Plan();
        window.Begin();
    }

    [Fact]
    public void A_window_of_blocks_is_sent_once_the_sums_are_complete_and_more_when_it_is_granted()
    {
        window.Send(step: 1, Cover);
        Assert.Empty(turns.Outputs);
        window.Open();
        window.Send(step: 1, Cover);
        Assert.Equal([(1, 4), (1, 5)], turns.Sent(FrameKind.Contribution));
        turns.Begin(TimeSpan.Zero);
        Assert.True(window.Take(from: 1, block: 7));
        Assert.True(window.Take(from: 1, block: 6));
        window.Send(step: 1, Cover);
        Assert.Equal([(1, 6)], turns.Sent(FrameKind.Contribution));
    }

    [Fact]
    public void An_owner_grants_what_its_staging_has_room_for()
    {
        var cut = ShardCut.Of(8, 2);
        var tags = new ReducedTags(8);
        window.Grant(step: 1, tags, cut);
        Assert.Empty(turns.Outputs);
        tags[0] = 1;
        window.Grant(step: 1, tags, cut);
        Assert.Equal([(1, 3)], turns.Sent(FrameKind.Credit));
        tags[1] = 1;
        window.Grant(step: 1, tags, cut);
        window.Grant(step: 1, tags, cut);
        Assert.Equal([(1, 3), (1, 4)], turns.Sent(FrameKind.Credit));
    }

    [Fact]
    public void Where_there_are_fewer_blocks_than_ranks_those_without_a_slice_own_nothing()
    {
        var few = new SendWindow(new RankTurns(ranks: 4, blocks: 2).Context);
        few.Plan();
        Assert.Equal(2, few.Owners.Count);
        Assert.False(few.Take(Enumerable.Range(0, 4).Except(few.Owners).First(), block: 1));
    }
}
