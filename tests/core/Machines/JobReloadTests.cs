using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

public sealed class JobReloadTests
{
    [Fact]
    public void A_job_that_was_loaded_anew_tells_those_who_trained_in_its_generation_the_change_and_newcomers_all()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Train(0, 1, 2);
        job.Reload();
        job.ToldFrom.Clear();
        job.Offer((0, 1), (1, 0), (2, 0));
        job.Restarts(0, life: 1);

        Assert.Equal(2, job.Generation);
        Assert.Equal([0L, 1, 1], job.ToldFrom.Values);
    }

    [Fact]
    public void Members_that_train_are_not_missing_though_a_silo_that_has_just_come_knows_of_no_gpu()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(0, 1);
        job.Reload();
        job.IsOfferedNothing();
        Assert.Equal("", job.View.Shortage);
        Assert.DoesNotContain(EventKinds.JobShort, job.Events);

        // Of one that has died, what is left still has the class.
        job.Restarts(1, life: 1);
        job.AdvanceUntilAsked(0, TimeSpan.FromMinutes(1));
        job.Answers(0, 1, recorded: 1);
        job.IsOfferedNothing();
        Assert.Equal([JobAlone.Gpu(0)], job.View.Members.Select(member => member.Gpu));
        Assert.DoesNotContain(EventKinds.JobShort, job.Events);

        // They are once it waits for whoever comes.
        job.LosesLink(0);
        job.Advance(TimeSpan.FromMinutes(5));
        job.IsOfferedNothing();
        Assert.Contains("which no gpu of the cluster has now", job.View.Shortage, StringComparison.Ordinal);
        Assert.Contains(EventKinds.JobShort, job.Events);
    }

    [Fact]
    public void A_job_that_ended_is_told_with_its_last_loss_and_by_whom_after_its_silo_has_gone()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(0, 1);
        job.Cancel();
        Assert.Equal(("failed", true, "cancelled", 1.0), (job.View.Phase, job.View.Cancelled, job.View.PhaseName, job.View.Loss));
        job.Reload();
        Assert.Equal(("failed", true, "cancelled", 1.0), (job.View.Phase, job.View.Cancelled, job.View.PhaseName, job.View.Loss));

        // An older coordinator has not stored by whom; the reason says it.
        job.ReloadWith(stored => stored with { Cancelled = false });
        Assert.True(job.View.Cancelled);
    }

    [Fact]
    public void A_job_that_fails_by_itself_is_not_cancelled()
    {
        var job = new JobAlone(ranks: 1, minRanks: 1);
        job.Train(0);
        job.Says(0,
            new StepsApplied
            {
                Job = JobAlone.Job,
                Generation = job.Generation,
                Timeline = 0,
                Steps = [new StepRecord(2, 1, double.NaN, 1, 1, 1)]
            });
        Assert.Equal(("failed", "failed", 2), (job.View.Phase, job.View.PhaseName, job.View.Recorded));
        Assert.True(double.IsNaN(job.View.Loss!.Value));
    }
}
