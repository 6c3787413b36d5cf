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

    [Fact]
    public void A_job_with_too_few_ranks_gives_back_and_parks_also_when_it_was_loaded_anew()
    {
        var job = new JobAlone(ranks: 3, minRanks: 3);
        job.Train(1, 2, 3);
        job.Restarts(3, life: 1);
        job.Reload();
        job.OfferAllAndAskBack(Both, 2);
        Assert.Equal("power: too little", Assert.IsType<ReleaseRank>(job.Newest[JobAlone.Gpu(2)]).Reason);
        Assert.Equal([JobAlone.Gpu(1)], job.Request.Used);

        job.Reload();
        job.OfferAllAndAskBack([1], 1);
        job.Answers(1, 1);
        job.Advance(TimeSpan.FromSeconds(3));
        Assert.True(job.Request.Parked);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_parked_job_that_was_loaded_anew_computes_nothing_before_the_cluster_lets_it(int minRanks)
    {
        var job = new JobAlone(ranks: 2, minRanks: minRanks);
        job.Train(Both);
        job.OfferAllAndAskBack(Both, Both);
        job.Answers(1, 1);
        job.Reload();
        Assert.IsType<PrepareRank>(job.Newest[JobAlone.Gpu(1)]);
        Assert.True(job.Request.Parked);
        job.Answers(1, 1);

        // A cluster that was loaded anew does not know the node yet.
        job.Offer();
        job.Advance(TimeSpan.FromSeconds(3));
        Assert.IsType<PrepareRank>(job.Newest[JobAlone.Gpu(1)]);
        job.Advance(TimeSpan.FromSeconds(3));
        Assert.True(job.Request.Parked);
        job.OfferAllAndAskBack([1], 1);
        job.Advance(TimeSpan.FromSeconds(3));
        Assert.IsType<PrepareRank>(job.Newest[JobAlone.Gpu(1)]);
        Assert.True(job.Request.Parked);
        job.OfferAllAndAskBack(Both);
        job.Advance(TimeSpan.FromSeconds(1));
        job.Answers(1, 1);
        job.Answers(2, null);
        Assert.Equal(2, Assert.IsType<RankPlan>(job.Newest[JobAlone.Gpu(1)]).FirstStep);
    }

    [Fact]
    public void What_a_parked_rank_has_lost_is_not_taken_for_held()
    {
        var job = new JobAlone(ranks: 2, minRanks: 2);
        job.Train(Both);
        job.OfferAllAndAskBack(Both, Both);
        job.Answers(1, null);
        job.WantsToEnd(2);
        job.Advance(TimeSpan.FromSeconds(3));
        Assert.False(job.Request.Parked);
        Assert.False(Assert.IsType<ReleaseRank>(job.Newest[JobAlone.Gpu(2)]).Forget);
    }

    [Fact]
    public void A_job_that_is_parked_on_a_node_that_died_finds_out_when_it_may_go_on()
    {
        var job = new JobAlone(ranks: 1, minRanks: 1);
        job.Train(1);
        job.OfferAllAndAskBack([1], 1);
        job.Answers(1, 1);
        Assert.Equal("waiting", job.View.Phase);
        job.LosesLink(1);
        job.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal([JobAlone.Gpu(1)], job.View.Members.Select(member => member.Gpu));

        // The cluster, which was loaded anew, knows nothing of the node, and gives another gpu in its place.
        job.Offer((2, 0));
        job.AdvanceUntilAsked(2, TimeSpan.FromSeconds(1));
        job.Answers(2, null);
        job.AdvanceUntilAsked(2, TimeSpan.FromSeconds(10));
        job.Answers(2, null);
        Assert.Contains("no worker holds the state of step 1 or later", job.Reason, StringComparison.Ordinal);
    }
}
