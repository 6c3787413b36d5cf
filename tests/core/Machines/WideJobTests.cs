using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>What a job of a thousand members and more does less often, so that its silo has time left for them.</summary>
public sealed class WideJobTests
{
    private const int Ranks = 1200;

    [Fact]
    public void Nodes_that_die_at_one_moment_are_out_in_one_generation()
    {
        var job = Training();
        Accuse(job, by: 1, lost: 2);
        Assert.Equal(1, job.Generation);
        Accuse(job, by: 3, lost: 4);

        job.Advance(TimeSpan.FromMilliseconds(10));
        Assert.Equal(2, job.Generation);
        Assert.All([2, 4], node => Assert.IsType<ReleaseRank>(job.Newest[JobAlone.Gpu(node)]));
    }

    [Fact]
    public void Failures_that_come_while_all_are_asked_go_together_once_no_more_come()
    {
        var job = Training();
        Accuse(job, by: 1, lost: 2);
        job.Advance(TimeSpan.FromMilliseconds(10));
        Assert.Equal(2, job.Generation);

        // A gather of 48 ms: 40 µs for each member.
        for (var lost = 10; lost < 15; lost++)
        {
            Accuse(job, by: 20 + lost, lost);
            job.Advance(TimeSpan.FromMilliseconds(30));
            Assert.Equal(2, job.Generation);
        }

        job.Advance(TimeSpan.FromMilliseconds(30));
        Assert.Equal(3, job.Generation);
        Assert.All([10, 11, 12, 13, 14], node => Assert.IsType<ReleaseRank>(job.Newest[JobAlone.Gpu(node)]));
    }

    [Fact]
    public void Failures_that_go_on_and_on_are_gathered_for_four_times_as_long_at_most()
    {
        var job = Training();
        Accuse(job, by: 1, lost: 2);
        job.Advance(TimeSpan.FromMilliseconds(10));
        var failed = 0;
        for (; job.Generation == 2; failed++)
        {
            Accuse(job, by: 100 + failed, lost: 10 + failed);
            job.Advance(TimeSpan.FromMilliseconds(30));
        }

        Assert.InRange(failed, 6, 8);
    }

    [Fact]
    public void Who_was_sent_a_generation_is_sent_the_change_to_the_next_whether_it_has_answered_or_not()
    {
        var job = Training();
        Accuse(job, by: 1, lost: 2);
        job.Advance(TimeSpan.FromMilliseconds(10));
        Accuse(job, by: 4, lost: 3);
        job.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(3, job.Generation);
        Assert.Equal(2, job.ToldFrom[JobAlone.Gpu(7).Node]);

        // What was sent did not arrive.
        job.Says(7, new MembershipUnknown { Job = JobAlone.Job, Generation = 3, Node = JobAlone.Gpu(7).Node });
        Assert.Equal(0, job.ToldFrom[JobAlone.Gpu(7).Node]);
    }

    [Fact]
    public void A_decision_that_waits_for_the_one_before_is_woken_for_and_not_for_what_is_past()
    {
        var job = Training();
        for (var times = 0; times < 20; times++)
        {
            job.LosesLink(times);
            job.Advance(TimeSpan.FromMilliseconds(10));
            job.Restarts(100 + times, life: 1);
            Assert.True(job.WakesIn > TimeSpan.Zero, $"it wakes in {job.WakesIn}");
        }
    }

    [Fact]
    public void Its_members_answers_are_no_events_and_those_of_a_small_job_are()
    {
        Assert.DoesNotContain(EventKinds.RankState, Training().Events);
        Assert.DoesNotContain(EventKinds.RankJoined, Training().Events);
        var small = new JobAlone(ranks: 2, minRanks: 1);
        small.Train(0, 1);
        Assert.Equal(2, small.Events.Count(kind => kind == EventKinds.RankState));
        Assert.Equal(2, small.Events.Count(kind => kind == EventKinds.RankJoined));
    }

    private static JobAlone Training()
    {
        var job = new JobAlone(Ranks, minRanks: 1);
        job.Train([.. Enumerable.Range(0, Ranks)]);
        job.Advance(TimeSpan.FromSeconds(1));
        return job;
    }

    private static void Accuse(JobAlone job, int by, int lost) => job.Says(by, new PeerAccused
    {
        Job = JobAlone.Job,
        Generation = job.Generation,
        Accuser = JobAlone.Gpu(by).Node,
        Accused = JobAlone.Gpu(lost).Node,
        Evidence = Evidence.ConnectionClosed,
    });
}
