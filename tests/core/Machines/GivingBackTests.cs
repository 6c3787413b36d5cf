using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>How a job gives back gpus that the cluster wants back, for want of power or cooling.</summary>
public sealed class GivingBackTests
{
    private static readonly int[] All = [1, 2, 3];

    [Fact]
    public void A_gpu_that_is_wanted_back_leaves_once_all_hold_the_state_and_joins_again_when_it_is_offered_again()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Offer((1, 0), (2, 0), (3, 0));
        foreach (var node in All)
            job.Answers(node, null);

        // Not every member has applied a step yet: one that left now might take the only state with it.
        job.OfferAllAndAskBack(All, 3);
        job.Advances(1, 1);
        job.Advances(2, 1);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, job.Generation);
        job.Advances(3, 1);
        Assert.Equal(2, job.Generation);
        Assert.Equal("power: too little", Assert.IsType<ReleaseRank>(job.Newest[JobAlone.Gpu(3)]).Reason);
        Assert.Equal(3, job.Wanted);
        job.Records(1, 1);
        job.Answers(1, 1);
        job.Answers(2, 1);
        job.Advances(1, 2);
        job.Advances(2, 2);
        job.IsReleased(3);

        // Nothing was failed, so nothing keeps it out.
        job.OfferAllAndAskBack(All);
        job.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(3, job.Generation);
        Assert.IsType<PrepareRank>(job.Newest[JobAlone.Gpu(3)]);
    }

    [Fact]
    public void A_gpu_that_is_not_wanted_back_any_more_before_it_has_left_stays()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Offer((1, 0), (2, 0), (3, 0));
        foreach (var node in All)
            job.Answers(node, null);
        job.OfferAllAndAskBack(All, 2, 3);
        job.OfferAllAndAskBack(All, 2);
        foreach (var node in All)
            job.Advances(node, 1);
        Assert.Equal(2, job.Generation);
        Assert.IsType<ReleaseRank>(job.Newest[JobAlone.Gpu(2)]);
        Assert.IsType<PrepareRank>(job.Newest[JobAlone.Gpu(3)]);
    }

    [Fact]
    public void Of_gpus_that_are_all_wanted_back_one_stays_with_the_state()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Train(All);
        job.OfferAllAndAskBack(All, All);
        Assert.Equal(2, job.Generation);
        Assert.Single(job.Newest.Values.OfType<PrepareRank>());
        job.Answers(1, 1);
        job.Advances(1, 2);
        job.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(2, job.Generation);
    }
}
