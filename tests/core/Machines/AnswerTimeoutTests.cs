using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>When a member that leaves the question of a generation unanswered is failed.</summary>
public sealed class AnswerTimeoutTests
{
    [Fact]
    public void While_others_answers_come_one_that_is_missing_is_late_and_not_failed()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Offer((0, 0), (1, 0), (2, 0));
        job.Answers(0, null);
        job.Advance(TimeSpan.FromSeconds(2.5));
        job.Answers(1, null);

        job.Advance(TimeSpan.FromSeconds(2.9));
        Assert.Equal(1, job.Generation);
        job.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(2, job.Generation);
        Assert.IsType<ReleaseRank>(job.Newest[JobAlone.Gpu(2)]);
    }

    [Fact]
    public void An_answer_that_is_repeated_gives_nobody_more_time()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Offer((0, 0), (1, 0), (2, 0));
        job.Answers(0, null);
        job.Answers(1, null);
        job.Advance(TimeSpan.FromSeconds(2.5));
        job.Answers(1, null);

        job.Advance(TimeSpan.FromSeconds(0.7));
        Assert.Equal(2, job.Generation);
    }
}
