using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>
/// Ranks that are not ready when they are asked are waited for, and are no failure; frozen ones are one failure, and not two.
/// </summary>
public sealed class PreparingTests
{
    [Fact]
    public void A_rank_that_prepares_is_waited_for_as_long_as_it_says_so()
    {
        var job = new JobAlone(ranks: 2, minRanks: 2);
        job.Offer((1, 0), (2, 0));
        job.Answers(1, null);
        for (var i = 0; i < 30; i++)
        {
            job.Prepares(2);
            job.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(1, job.Generation);
        Assert.Contains("n2/0 prepares", job.Reason, StringComparison.Ordinal);
        job.Answers(2, null);
        Assert.IsType<RankPlan>(job.Newest[JobAlone.Gpu(2)]);
        Assert.DoesNotContain(EventKinds.RankExcluded, job.Events);
    }

    [Fact]
    public void A_rank_that_says_no_more_that_it_prepares_is_failed()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Offer((1, 0), (2, 0));
        job.Answers(1, null);
        job.Advance(TimeSpan.FromSeconds(2));
        job.Prepares(2);
        job.Advance(TimeSpan.FromSeconds(2.5));
        Assert.DoesNotContain(EventKinds.RankExcluded, job.Events);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Contains(EventKinds.RankExcluded, job.Events);
    }

    [Fact]
    public void At_the_start_the_others_wait_the_start_timeout_then_go_on_and_take_it_in_when_it_is_ready()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Offer((1, 0), (2, 0));
        job.Answers(1, null);
        for (var i = 0; i < 19; i++)
        {
            job.Prepares(2);
            job.Advance(TimeSpan.FromSeconds(0.5));
        }

        Assert.Equal(1, job.Generation);
        job.Prepares(2);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, job.Generation);
        Assert.IsType<ReleaseRank>(job.Newest[JobAlone.Gpu(2)]);
        Assert.DoesNotContain(EventKinds.RankExcluded, job.Events);
        Assert.Contains(EventKinds.RankPreparing, job.Events);
        job.Answers(1, null);
        job.Advances(1, 1);
        job.Records(1, 1);
        job.IsReleased(2);

        // Not before it says so, and at once then.
        job.Offer((1, 0), (2, 0));
        job.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(2, job.Generation);
        job.Prepares(2, ready: true);
        job.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(3, job.Generation);
    }

    [Fact]
    public void A_rank_that_was_set_aside_is_tried_again_when_it_has_said_nothing_for_half_a_minute()
    {
        var job = SetsAside();
        job.Prepares(2);
        job.Advance(TimeSpan.FromSeconds(20));
        job.Prepares(2);
        job.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(3, job.Generation);
        job.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(4, job.Generation);
    }

    [Fact]
    public void A_rank_that_was_set_aside_and_answers_what_it_was_asked_before_is_ready_and_called_at_once()
    {
        var job = SetsAside();
        job.Answers(2, null);
        job.IsReleased(2);
        job.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(4, job.Generation);
    }

    [Fact]
    public void A_rank_that_was_set_aside_and_whose_preparing_fails_is_tried_again()
    {
        var job = SetsAside();
        job.Faults(2, FaultKind.Device, step: 0);
        job.IsReleased(2);
        job.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(4, job.Generation);
    }

    [Fact]
    public void A_job_that_has_no_member_left_asks_also_the_one_that_was_set_aside()
    {
        var job = SetsAside();
        job.LosesLink(1);
        job.Restarts(1, life: 1);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(JobAlone.Gpu(2), job.View.Members.Select(member => member.Gpu).Single());
    }

    [Fact]
    public void A_job_that_trains_waits_for_a_newcomer_no_longer_than_for_an_answer()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Offer((1, 0));
        job.Advance(TimeSpan.FromSeconds(11));
        job.Answers(1, null);
        job.Advances(1, 1);
        job.Records(1, 1);
        job.Offer((1, 0), (2, 0));
        job.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(2, job.Generation);
        job.Answers(1, 1);
        job.Prepares(2);
        job.Advance(TimeSpan.FromSeconds(2));
        job.Prepares(2);
        job.Advance(TimeSpan.FromSeconds(1.1));
        Assert.Equal(3, job.Generation);
        Assert.DoesNotContain(EventKinds.RankExcluded, job.Events);
    }

    /// <summary>A job that trains on node 1 and has gone on without node 2, which prepares.</summary>
    private static JobAlone SetsAside()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Offer((1, 0));
        job.Advance(TimeSpan.FromSeconds(11));
        job.Answers(1, null);
        job.Advances(1, 1);
        job.Records(1, 1);
        job.Offer((1, 0), (2, 0));
        job.Advance(TimeSpan.FromMilliseconds(100));
        job.Answers(1, 1);
        job.Prepares(2);
        job.Advance(TimeSpan.FromSeconds(2));
        job.Prepares(2);
        job.Advance(TimeSpan.FromSeconds(1.1));
        Assert.Equal(3, job.Generation);
        job.Answers(1, 1);
        job.Advances(1, 2);
        job.Records(1, 2);
        job.IsReleased(2);
        return job;
    }

    [Fact]
    public void A_device_that_is_busy_for_longer_than_a_start_may_take_hangs()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(1, 2);
        job.Advance(TimeSpan.FromSeconds(5));
        job.Restarts(2, life: 1);
        job.Offer((1, 0), (2, 1));
        job.Advance(TimeSpan.FromSeconds(1));
        job.Answers(2, null, life: 1);
        var generation = job.Generation;
        for (var i = 0; i < 19; i++)
        {
            job.Prepares(1, busy: true);
            job.Advance(TimeSpan.FromSeconds(0.5));
        }

        Assert.Equal(generation, job.Generation);
        for (var i = 0; i < 3; i++)
        {
            job.Prepares(1, busy: true);
            job.Advance(TimeSpan.FromSeconds(0.5));
        }

        Assert.True(job.Generation > generation);
    }

    [Fact]
    public void A_rank_that_loads_a_checkpoint_has_the_time_that_its_size_takes_and_no_more()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1) { CheckpointBytes = 1_000_000_000 };
        job.Train(1, 2);
        job.ReloadWithCheckpoints(1);
        job.Restarts(2, life: 1);
        job.Offer((1, 0), (2, 1));
        job.Advance(TimeSpan.FromSeconds(1));
        job.Answers(2, null, life: 1);
        var generation = job.Generation;
        Loads(TimeSpan.FromSeconds(105));
        Assert.Equal(generation, job.Generation);
        Loads(TimeSpan.FromSeconds(10));
        Assert.True(job.Generation > generation);

        void Loads(TimeSpan time)
        {
            for (var waited = TimeSpan.Zero; waited < time; waited += TimeSpan.FromSeconds(0.5))
            {
                job.Prepares(1, busy: true, loading: true);
                job.Advance(TimeSpan.FromSeconds(0.5));
            }
        }
    }

    [Fact]
    public void A_node_that_froze_is_not_asked_again_before_it_is_heard()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(1, 2);
        job.Says(1, new PeerAccused
        {
            Job = JobAlone.Job,
            Generation = 1,
            Accuser = JobAlone.Gpu(1).Node,
            Accused = JobAlone.Gpu(2).Node,
            Evidence = Evidence.Silent,
        });
        job.Says(1, new PeerAccused
        {
            Job = JobAlone.Job,
            Generation = 1,
            Accuser = JobAlone.Gpu(1).Node,
            Accused = JobAlone.Gpu(2).Node,
            Evidence = Evidence.ConnectionClosed,
        });
        job.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(2, job.Generation);
        var gone = job.Newest.Single(order => order.Value is ReleaseRank).Key;
        var (left, frozen) = gone == JobAlone.Gpu(2) ? (1, 2) : (2, 1);
        job.Answers(left, 1);
        job.Advances(left, 2);
        job.Records(left, 2);

        // The cluster still takes the frozen node for up.
        job.Offer((1, 0), (2, 0));
        job.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(2, job.Generation);
        Assert.Single(job.Events, EventKinds.RankExcluded);

        // It thaws and obeys: it is called back at once.
        job.IsReleased(frozen);
        job.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(3, job.Generation);
        Assert.Single(job.Events, EventKinds.RankExcluded);
    }
}
