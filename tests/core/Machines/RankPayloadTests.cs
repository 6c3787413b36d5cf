using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>What a rank cannot use is given back, or its worker's memory would grow.</summary>
public sealed class RankPayloadTests
{
    [Fact]
    public void A_reduced_block_of_a_step_that_the_rank_is_not_at_is_given_back_and_not_stored()
    {
        var rank = new RankAlone { Others = 1 };
        rank.Prepare(1);
        rank.Plan(1, CatchUp.Initialize, 1);
        rank.Initialized();
        rank.ReducedArrives(block: 0, step: 2);
        Assert.Empty(rank.Done.OfType<StoreReduced>());
        Assert.Equal([1L], rank.Done.OfType<ReleasePayload>().Select(released => released.Payload));
    }
}
