using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>A state passes from rank to rank: each block counts once, and who asks too early is served when the state is there.</summary>
public sealed class RankStateTransferTests
{
    private readonly RankAlone rank = new() { Others = 1 };

    [Fact]
    public void A_block_that_comes_twice_is_stored_once_and_makes_no_state_whole()
    {
        Fetch();
        rank.BlockArrives(0, 12, timeline: 0);
        rank.BlockArrives(0, 12, timeline: 0);
        Assert.Equal(-1, rank.Machine.Applied);
        Assert.Single(rank.Done.OfType<StoreState>());
        Assert.Equal([1L, 2L], rank.Done.OfType<ReleasePayload>().Select(released => released.Payload));

        rank.BlockArrives(1, 12, timeline: 0);
        Assert.Equal(12, rank.Machine.Applied);
    }

    [Fact]
    public void A_block_that_nobody_waits_for_is_given_back_and_changes_nothing()
    {
        Fetch();
        rank.BlockArrives(0, 12, timeline: 0);
        rank.BlockArrives(1, 12, timeline: 0);
        rank.BlockArrives(1, 12, timeline: 0);
        Assert.Equal(2, rank.Done.OfType<StoreState>().Count());
        Assert.Equal([1L, 2L, 3L], rank.Done.OfType<ReleasePayload>().Select(released => released.Payload));
    }

    [Fact]
    public void A_rank_that_is_asked_for_its_state_before_it_has_it_sends_it_when_it_has()
    {
        rank.Prepare(1);
        rank.Plan(1, CatchUp.Initialize, 1);
        rank.IsAskedForState(step: 0);
        Assert.Empty(Blocks());

        rank.Initialized();

        Assert.Equal([0, 1], Blocks());
    }

    private void Fetch()
    {
        rank.Prepare(1);
        rank.Plan(1, CatchUp.FetchState, 13);
    }

    /// <summary>Blocks of the state that were sent to the rank behind this one.</summary>
    private IEnumerable<int> Blocks() =>
        rank.Done.OfType<SendFrame>().Where(sent => sent.Header is { Kind: FrameKind.State, To: 1 }).Select(sent => sent.Header.Block);
}
