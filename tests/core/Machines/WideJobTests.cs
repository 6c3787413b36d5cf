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
