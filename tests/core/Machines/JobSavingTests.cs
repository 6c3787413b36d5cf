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

    private IEnumerable<CheckpointId> Saves => job.CheckpointOrders.OfType<SaveCheckpoint>().Select(order => order.Checkpoint);

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
}
