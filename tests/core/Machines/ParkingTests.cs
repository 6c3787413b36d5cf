using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>A job that is shed whole keeps its state on one gpu that computes nothing.</summary>
public sealed class ParkingTests
{
    private static readonly int[] Both = [1, 2];

    [Fact]
    public void A_job_whose_gpus_are_all_wanted_back_keeps_its_state_under_a_promise_and_goes_on_when_it_may()
    {
        var job = new JobAlone(ranks: 2, minRanks: 2);
        job.Train(Both);
        job.OfferAllAndAskBack(Both, Both);
        Assert.IsType<PrepareRank>(job.Newest[JobAlone.Gpu(1)]);
        Assert.Equal("power: too little", Assert.IsType<ReleaseRank>(job.Newest[JobAlone.Gpu(2)]).Reason);
        job.Answers(1, 1);
        job.Advance(TimeSpan.FromSeconds(30));
        Assert.IsType<PrepareRank>(job.Newest[JobAlone.Gpu(1)]);
        Assert.True(job.Request.Parked);
        Assert.Equal([JobAlone.Gpu(1)], job.Request.Used);

        // One of the two that it needs is no use.
        job.IsReleased(2);
        job.OfferAllAndAskBack([1]);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, job.Generation);
        job.OfferAllAndAskBack(Both);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(3, job.Generation);
        job.Answers(1, 1);
        job.Answers(2, null);
        Assert.All(Both, node => Assert.IsType<RankPlan>(job.Newest[JobAlone.Gpu(node)]));
        Assert.Equal(2, ((RankPlan)job.Newest[JobAlone.Gpu(1)]).FirstStep);
        Assert.False(job.Request.Parked);
    }

    [Fact]
    public void A_job_of_one_rank_is_parked_too()
    {
        var job = new JobAlone(ranks: 1, minRanks: 1);
        job.Train(1);
        job.OfferAllAndAskBack([1], 1);
        Assert.Equal(2, job.Generation);
        job.Answers(1, 1);
        job.Advance(TimeSpan.FromSeconds(3));
        Assert.IsType<PrepareRank>(job.Newest[JobAlone.Gpu(1)]);
        Assert.True(job.Request.Parked);
        job.OfferAllAndAskBack([1]);
        job.Answers(1, 1);
        Assert.Equal(2, Assert.IsType<RankPlan>(job.Newest[JobAlone.Gpu(1)]).FirstStep);
    }
}
