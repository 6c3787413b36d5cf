using Coordinator.Machines;
using Coordinator.Machines.Jobs;

namespace Coordinator.Tests.Machines;

/// <summary>When a job has its members save.</summary>
public sealed class JobSavingTests
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);

    private readonly JobAlone job = new(ranks: 2, minRanks: 1, spec => spec with
    {
        Training = spec.Training with { Steps = 100_000 },
        Checkpoint = new CheckpointSpec { Interval = "off" },
    });

    private IEnumerable<CheckpointId> Saves => SavesOf(job);

    [Fact]
    public void A_checkpoint_that_is_asked_for_is_ordered_of_every_member_at_once_while_the_job_trains()
    {
        job.Train(1, 2);
        Assert.Empty(Saves);
        job.WantsCheckpoint();
        Assert.Equal(2, Saves.Count());
        Assert.True(Assert.Single(Saves.Distinct()).Step > 1);
    }

    [Fact]
    public void A_checkpoint_that_is_asked_for_while_a_generation_forms_is_ordered_when_it_runs()
    {
        job.Train(1, 2);
        job.Restarts(2, life: 1);
        job.WantsCheckpoint();
        Assert.Empty(Saves);
        job.Answers(1, 1);
        job.Advances(1, 2);
        Assert.Equal(2, Assert.Single(Saves).Generation);
    }

    [Fact]
    public void After_a_save_that_failed_a_later_step_is_saved()
    {
        job.Train(1, 2);
        job.WantsCheckpoint();
        job.CannotSave(1, Saves.First());
        job.Records(1, 500);
        job.Advance(Retry + Retry);
        Assert.True(Saves.Last().Step > 500);
        Assert.Contains(EventKinds.CheckpointFailed, job.Events);
    }

    [Fact]
    public void A_save_that_succeeds_ends_what_was_said_of_the_one_that_failed_and_the_next_failure_is_news()
    {
        job.Train(1, 2);
        job.WantsCheckpoint();
        job.CannotSave(1, Saves.Last());
        Assert.NotEmpty(job.View.Saving);
        job.Advance(Retry + Retry);
        Save(job, milliseconds: 10);
        Assert.Empty(job.View.Saving);

        job.WantsCheckpoint();
        job.CannotSave(1, Saves.Last());
        Assert.Equal(2, job.Events.Count(kind => kind == EventKinds.CheckpointFailed));
    }

    [Fact]
    public void What_the_last_save_cost_says_when_the_next_one_is_due()
    {
        var regular = new JobAlone(ranks: 2, minRanks: 1, spec => spec with { Training = spec.Training with { Steps = 100_000 } });
        regular.Train(1, 2);
        regular.WantsCheckpoint();
        Save(regular, milliseconds: 1000);

        // The root of 2 * 2 s * 3 h is 208 s; without a cost it would be 30 s.
        regular.Advance(TimeSpan.FromSeconds(200));
        Assert.Equal(2, SavesOf(regular).Count());
        regular.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(4, SavesOf(regular).Count());
    }

    private static IEnumerable<CheckpointId> SavesOf(JobAlone some) =>
        some.CheckpointOrders.OfType<SaveCheckpoint>().Select(order => order.Checkpoint);

    /// <summary>The step that was ordered last is recorded, both members save it, and the manifest is written.</summary>
    private static void Save(JobAlone some, double milliseconds)
    {
        var id = SavesOf(some).Last();
        some.Records(1, id.Step);
        some.SavesPart(1, id, milliseconds);
        some.SavesPart(2, id, milliseconds);
        some.Seals(1, id);
    }
}
