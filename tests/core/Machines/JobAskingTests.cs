namespace Coordinator.Tests.Machines;

/// <summary>
/// What a generation needs of its members is asked for until it is there: their answers, the steps that only they know, and that they take
/// their plans.
/// </summary>
public sealed class JobAskingTests
{
    private readonly JobAlone job = new(ranks: 2, minRanks: 1);

    [Fact]
    public void Who_has_not_answered_is_asked_again_ever_less_often_and_who_has_is_not()
    {
        job.Offer((1, 0), (2, 0));
        job.Answers(1, null);
        Assert.Equal(1, job.Questions[JobAlone.Gpu(2).Node]);
        job.Advance(TimeSpan.FromSeconds(0.3));
        Assert.Equal(2, job.Questions[JobAlone.Gpu(2).Node]);
        job.Advance(TimeSpan.FromSeconds(0.4));
        Assert.Equal(3, job.Questions[JobAlone.Gpu(2).Node]);
        Assert.Equal(1, job.Questions[JobAlone.Gpu(1).Node]);
        Assert.Equal(1, job.Generation);
    }

    [Fact]
    public void A_plan_that_was_not_taken_is_given_again_ever_less_often()
    {
        job.Offer((1, 0), (2, 0));
        job.Answers(1, null);
        job.Answers(2, null);
        var given = job.Orders[JobAlone.Gpu(2).Node];
        job.Advance(TimeSpan.FromSeconds(0.3));
        Assert.Equal(given + 1, job.Orders[JobAlone.Gpu(2).Node]);
        job.Advance(TimeSpan.FromSeconds(0.4));
        Assert.Equal(given + 2, job.Orders[JobAlone.Gpu(2).Node]);
    }

    [Fact]
    public void The_record_of_a_member_that_is_heard_is_waited_for_longer_than_an_answer()
    {
        job.Train(1, 2);
        job.Restarts(2, life: 1);
        job.Answers(1, 3, recorded: 1);
        job.Advance(TimeSpan.FromSeconds(4));
        Assert.Null(job.PlanOf(1));

        job.SaysSteps(1, timeline: 0, 2, 3);
        Assert.Equal(4, job.PlanOf(1)!.FirstStep);
        Assert.Equal([(0, 1L), (0, 2L), (0, 3L)], job.Recorded);
    }
}
