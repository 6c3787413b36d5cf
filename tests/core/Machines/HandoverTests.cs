using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>A drained gpu is its job's until others hold the state that it has, and is let go then.</summary>
public sealed class HandoverTests
{
    private static readonly int[] Both = [1, 2];
    private static readonly GpuId First = JobAlone.Gpu(1);
    private static readonly GpuId Second = JobAlone.Gpu(2);

    [Fact]
    public void A_drained_gpu_is_used_until_all_others_have_applied_a_step_and_it_has_forgotten_the_state()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(Both);
        job.OfferAllAndDrain(Both, [2], back: [2]);
        Assert.Equal("n2/0 leaves: drained by ann: new disk", job.Texts[EventKinds.RankLeaving]);
        Assert.Equal(2, job.Generation);
        Assert.False(Assert.IsType<ReleaseRank>(job.Newest[Second]).Forget);
        job.IsReleased(2);
        job.Answers(1, 1);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([First, Second], job.Request.Used);

        job.Advances(1, 2);
        Assert.True(Assert.IsType<ReleaseRank>(job.Newest[Second]).Forget);
        Assert.Equal("drained by ann: new disk", Assert.IsType<ReleaseRank>(job.Newest[Second]).Reason);

        // An answer to the first release comes late: it has forgotten nothing.
        job.IsReleased(2);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([First, Second], job.Request.Used);
        job.IsReleased(2, forgot: true);
        Assert.Equal([First], job.Request.Used);
        Assert.DoesNotContain(EventKinds.RankExcluded, job.Events);
        Assert.Equal(0, job.View.Failures);
    }

    [Fact]
    public void A_drained_gpu_that_may_hold_the_only_state_is_called_back_also_when_the_job_was_loaded_anew_and_leaves_then()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(Both);
        job.OfferAllAndDrain(Both, [2], back: [2]);
        job.IsReleased(2);
        job.Reload();

        // The only other member's process dies before the generation without the drained gpu has run.
        job.Restarts(1, life: 1);
        job.OfferAllAndDrain(Both, [2], back: [2]);
        job.Restarts(1, life: 1);
        job.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal([First, Second], job.Request.Used.Union([First]).Order());
        Assert.IsType<PrepareRank>(job.Newest[Second]);
    }

    [Fact]
    public void A_drained_gpu_whose_node_goes_away_once_others_hold_the_state_is_waited_for_no_longer()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(Both);
        job.OfferAllAndDrain(Both, [2], back: [2]);
        job.Answers(1, 1);
        job.LosesLink(2);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([First, Second], job.Request.Used);
        job.Advances(1, 2);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([First], job.Request.Used);
    }

    [Fact]
    public void A_drained_gpu_that_is_given_work_again_before_it_was_let_go_comes_back_like_any_other()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(Both);
        job.OfferAllAndDrain(Both, [2], back: [2]);
        job.IsReleased(2);
        job.Answers(1, 1);
        job.OfferAllAndDrain(Both, [], back: []);
        job.Advances(1, 2);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.IsType<PrepareRank>(job.Newest[Second]);
        Assert.Equal(3, job.Generation);
    }

    [Fact]
    public void A_drained_member_that_fails_is_no_leaver()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Train(1, 2, 3);
        job.Restarts(3, life: 1);
        job.OfferAllAndDrain([1, 2, 3], [3], back: [3]);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([First, Second], job.Request.Used);
    }

    [Fact]
    public void A_drained_gpu_that_is_given_back_while_it_may_hold_the_only_state_stays_the_jobs_own_if_it_is_drained_again()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(Both);
        job.OfferAllAndDrain(Both, [2], back: [2]);
        job.IsReleased(2);
        job.OfferAllAndDrain(Both, [], back: []);
        job.OfferAllAndDrain(Both, [2], back: [2]);
        job.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal([First, Second], job.Request.Used);
    }

    [Fact]
    public void Members_that_wait_and_whose_device_fails_hold_nothing_that_a_drained_gpu_may_forget()
    {
        var job = new JobAlone(ranks: 3, minRanks: 3);
        job.Train(1, 2, 3);

        // Too few are left, and nobody is asked.
        job.Restarts(3, life: 1);
        job.Faults(1, FaultKind.Unknown, step: 2, generation: 1);
        job.OfferAllAndDrain(Both, [2], back: [2]);
        job.Advance(TimeSpan.FromSeconds(3));
        Assert.False(job.Newest.GetValueOrDefault(Second) is ReleaseRank { Forget: true });
        Assert.Contains(Second, job.Request.Used);
    }
}
