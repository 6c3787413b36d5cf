using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

public sealed class UnreachedMemberTests
{
    private readonly JobAlone job = new(ranks: 2, minRanks: 1);

    [Fact]
    public void A_newcomer_that_cannot_connect_to_who_holds_the_state_leaves_again_and_the_holder_stays()
    {
        JoinsAndCannotConnect();

        Assert.IsType<ReleaseRank>(job.Newest[JobAlone.Gpu(1)]);
        Assert.Equal(3, Assert.IsType<PrepareRank>(job.Newest[JobAlone.Gpu(2)]).Generation);
        Assert.DoesNotContain(EventKinds.JobWaiting, job.Events);
    }

    [Fact]
    public void It_is_tried_again_ever_less_often()
    {
        JoinsAndCannotConnect();
        for (var times = 1; times <= 5; times++)
        {
            job.IsReleased(1);
            job.Answers(2, 1);
            job.Advances(2, 2);
            job.Advance(TimeSpan.FromSeconds(0.5 * (1 << times)) + TimeSpan.FromMilliseconds(200));
            Assert.IsType<PrepareRank>(job.Newest[JobAlone.Gpu(1)]);
            Accuse();
        }

        job.IsReleased(1);
        job.Answers(2, 1);
        job.Advances(2, 2);
        job.Advance(TimeSpan.FromSeconds(31));
        Assert.IsType<ReleaseRank>(job.Newest[JobAlone.Gpu(1)]);
    }

    [Fact]
    public void Newcomers_that_come_one_after_the_other_and_cannot_connect_leave_again_and_the_holder_stays()
    {
        var wide = Staggered();
        CannotConnect(wide, 1);
        CannotConnect(wide, 2);
        wide.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal([JobAlone.Gpu(3)], wide.View.Members.Select(member => member.Gpu));
        Assert.DoesNotContain(EventKinds.JobWaiting, wide.Events);
    }

    [Fact]
    public void Who_has_not_trained_yet_is_a_newcomer_also_for_the_silo_that_loads_the_job_anew()
    {
        var wide = Staggered();
        wide.Reload();
        wide.Offer((1, 0), (2, 0), (3, 0));
        wide.IsHeard(3, heard: true);
        wide.Answers(1, null);
        wide.Answers(2, null);
        wide.Answers(3, 1);
        CannotConnect(wide, 1);
        CannotConnect(wide, 2);
        wide.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal([JobAlone.Gpu(3)], wide.View.Members.Select(member => member.Gpu));
    }

    [Fact]
    public void Where_all_are_new_the_one_that_has_the_state_stays()
    {
        var wide = Trains();
        wide.LosesLink(3);
        wide.Advance(TimeSpan.FromSeconds(10));
        Assert.Empty(wide.View.Members);
        wide.Offer();
        wide.IsReleased(3);
        wide.IsHeard(3, heard: true);
        wide.Offer((1, 0), (2, 0), (3, 0));
        wide.AdvanceUntilAsked(3, TimeSpan.FromSeconds(2));
        Assert.Equal(3, wide.View.Members.Count);
        wide.Answers(1, null);
        wide.Answers(2, null);
        wide.Answers(3, 1);
        CannotConnect(wide, 1);
        CannotConnect(wide, 2);
        wide.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal([JobAlone.Gpu(3)], wide.View.Members.Select(member => member.Gpu));
    }

    /// <summary>Node 3 has trained alone; node 1 has joined it, and node 2 after that, before the generation with node 1 has run.</summary>
    private static JobAlone Staggered()
    {
        var wide = Trains();
        wide.Offer((1, 0), (3, 0));
        wide.Advance(TimeSpan.FromMilliseconds(100));
        wide.Answers(1, null);
        wide.Answers(3, 1);
        wide.Offer((1, 0), (2, 0), (3, 0));
        wide.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(3, wide.View.Members.Count);
        wide.Answers(1, null);
        wide.Answers(2, null);
        wide.Answers(3, 1);
        return wide;
    }

    private static JobAlone Trains()
    {
        var wide = new JobAlone(ranks: 3, minRanks: 1);
        wide.Offer((3, 0));
        wide.Advance(TimeSpan.FromSeconds(11));
        wide.Answers(3, null);
        wide.Advances(3, 1);
        wide.Records(3, 1);
        wide.IsHeard(3, heard: true);
        return wide;
    }

    private static void CannotConnect(JobAlone to, int accuser) => to.Says(accuser, new PeerAccused
    {
        Job = JobAlone.Job,
        Generation = to.Generation,
        Accuser = JobAlone.Gpu(accuser).Node,
        Accused = JobAlone.Gpu(3).Node,
        Evidence = Evidence.ConnectionClosed,
        Unreached = true,
        Detail = "connecting to n3:7000: Connection refused",
    });

    private void JoinsAndCannotConnect()
    {
        job.Offer((2, 0));
        job.Advance(TimeSpan.FromSeconds(11));
        job.Answers(2, null);
        job.Advances(2, 1);
        job.Records(2, 1);
        job.IsHeard(2, heard: true);
        job.Offer((1, 0), (2, 0));
        job.Advance(TimeSpan.FromMilliseconds(100));
        Accuse();
    }

    private void Accuse()
    {
        job.Answers(1, null);
        job.Answers(2, 1);
        job.Says(1, new PeerAccused
        {
            Job = JobAlone.Job,
            Generation = job.Generation,
            Accuser = new NodeId("n1"),
            Accused = new NodeId("n2"),
            Evidence = Evidence.ConnectionClosed,
            Unreached = true,
            Detail = "connecting to n2:7000: Connection refused",
        });
        job.Advance(TimeSpan.FromMilliseconds(100));
    }
}
