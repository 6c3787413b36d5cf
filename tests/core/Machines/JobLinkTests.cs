using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>What a job makes of connections that end: it does not look at all its members for each, and misses none.</summary>
public sealed class JobLinkTests
{
    [Fact]
    public void A_member_whose_link_ended_is_out_when_no_progress_was_reported_for_its_time_and_not_before()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Train(0, 1, 2);
        job.Advance(TimeSpan.FromSeconds(1));
        job.LosesLink(2);

        job.Advance(TimeSpan.FromSeconds(4.9));
        Assert.Equal(1, job.Generation);
        job.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(2, job.Generation);
        Assert.IsType<ReleaseRank>(job.Newest[JobAlone.Gpu(2)]);
    }

    [Fact]
    public void A_link_that_ends_while_a_generation_forms_costs_its_member_the_grace_and_not_the_answer_timeout()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Train(0, 1, 2);
        job.Restarts(0, life: 1);
        Assert.Equal(2, job.Generation);
        job.Answers(1, 1);
        job.LosesLink(2);

        job.Advance(TimeSpan.FromSeconds(0.3));
        Assert.Equal(3, job.Generation);
        Assert.IsType<ReleaseRank>(job.Newest[JobAlone.Gpu(2)]);
    }

    [Fact]
    public void A_member_that_was_only_not_heard_while_a_generation_forms_has_the_answer_timeout_and_is_asked_when_it_is_heard_again()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Train(0, 1, 2);
        job.Restarts(0, life: 1);
        job.Answers(1, 1);
        job.IsHeard(2, false);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, job.Generation);

        var asked = job.Orders[JobAlone.Gpu(2).Node];
        job.IsHeard(2, true);
        Assert.Equal(asked + 1, job.Orders[JobAlone.Gpu(2).Node]);
        Assert.IsType<PrepareRank>(job.Newest[JobAlone.Gpu(2)]);

        job.Advance(TimeSpan.FromSeconds(3.1));
        Assert.Equal(3, job.Generation);
    }

    [Fact]
    public void An_offer_that_is_delivered_a_second_time_does_not_say_again_that_a_node_is_connected()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Train(0, 1, 2);
        job.LosesLink(2);
        job.Advance(TimeSpan.FromSeconds(2));
        job.OfferComesAgain();

        job.Advance(TimeSpan.FromSeconds(3.1));
        Assert.Equal(2, job.Generation);
        Assert.IsType<ReleaseRank>(job.Newest[JobAlone.Gpu(2)]);
    }
}
