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
