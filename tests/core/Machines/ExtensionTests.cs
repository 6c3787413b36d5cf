using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Tests.Machines;

/// <summary>A job is given more steps or ranks than it was submitted with: at any moment of its life, once, and never less.</summary>
public sealed class ExtensionTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);

    private readonly JobAlone job = new(ranks: 2, minRanks: 1);

    [Fact]
    public void A_job_that_trains_goes_on_in_a_generation_whose_plans_name_the_new_last_step()
    {
        job.Train(0, 1);
        Assert.Null(job.PlanOf(0)!.LastStep);
        job.Extend(steps: 40);
        Assert.Equal((2, 40L, 20L), (job.Generation, job.View.Spec.Training.Steps, job.View.Spec.Optimizer.DecaySteps));
        Assert.Equal(new JobExtent(20, 0, 2), job.View.Submitted);
        job.Answers(0, 7, recorded: 1);
        job.Answers(1, 7, recorded: 1);
        job.SaysSteps(0, timeline: 0, 2, 7);
        Assert.Equal((CatchUp.None, 8L, 40L), (job.PlanOf(0)!.CatchUp, job.PlanOf(0)!.FirstStep, job.PlanOf(0)!.LastStep!.Value));
    }

    [Fact]
    public void The_same_again_and_what_is_less_change_nothing()
    {
        job.Train(0, 1);
        job.Extend(steps: 40, ranks: 3);
        var (state, generation) = (job.State, job.Generation);
        job.Extend(steps: 40, ranks: 3);
        job.Extend(steps: 39);
        job.Extend(ranks: 2);
        job.Extend(ranks: 5);
        job.Extend(steps: long.MaxValue);
        Assert.Equal((state, generation), (job.State, job.Generation));
        Assert.Single(job.Events, EventKinds.JobExtended);
    }

    [Fact]
    public void The_decay_that_a_job_names_itself_stays()
    {
        var own = new JobAlone(ranks: 1, minRanks: 1, spec => spec with { Optimizer = spec.Optimizer with { DecaySteps = 15 } });
        own.Extend(steps: 40);
        own.Extend(steps: 60);
        Assert.Equal(
            (60L, 15L, new JobExtent(20, 15, 1)), (own.View.Spec.Training.Steps, own.View.Spec.Optimizer.DecaySteps, own.View.Submitted));
    }

    [Fact]
    public void Ranks_that_came_to_the_end_of_an_earlier_plan_are_given_another()
    {
        // The silo died when it had stored the steps, and before it formed the generation for them.
        job.Train(0, 1);
        job.ReloadWith(stored =>
            stored with { Spec = ExtensionPolicy.Apply(stored.Spec, new ExtendJob(40, null)), Submitted = JobExtent.Of(stored.Spec) });
        var generation = job.Generation;
        job.SaysSteps(0, timeline: 0, 2, 20);
        job.Finishes(0, 20);
        job.AdvanceUntilAsked(0, Soon);
        Assert.True(job.Generation > generation);
        job.Answers(0, 20, recorded: 20);
        job.Answers(1, 20, recorded: 20);
        Assert.Equal((21L, 40L), (job.PlanOf(0)!.FirstStep, job.PlanOf(0)!.LastStep!.Value));
    }

    [Fact]
    public void A_model_of_the_last_step_from_before_is_not_the_jobs()
    {
        job.Train(0, 1);
        job.StoresModel("old", 20);
        job.Extend(steps: 40);
        Finish(40);
        Assert.NotEqual("finished", job.View.Phase);
        job.StoresModel("old", 20);
        Assert.NotEqual("finished", job.View.Phase);
        job.StoresModel("new", 40);
        Assert.Equal(("finished", "new"), (job.View.Phase, job.View.ModelSha256));
    }

    [Fact]
    public void A_finished_job_trains_on_from_its_newest_checkpoint()
    {
        FinishAt20(checkpoints: 15);
        job.Extend(steps: 40);
        Assert.Equal(("waiting", (string?)null, 20L), (job.View.Phase, job.View.ModelSha256, job.View.Recorded));
        job.Offer((0, 1), (1, 1));
        job.AdvanceUntilAsked(0, Soon);
        job.Answers(0, null, life: 1);
        job.Answers(1, null, life: 1);
        var plan = job.PlanOf(0)!;
        Assert.Equal(
            (CatchUp.LoadCheckpoint, 15L, 16L, 40L, 1),
            (plan.CatchUp, plan.Checkpoint!.Id.Step, plan.FirstStep, plan.LastStep!.Value, plan.Timeline));
        job.Advances(0, 16, life: 1);
        job.Advances(1, 16, life: 1);
        job.SaysSteps(0, timeline: 1, 16, 40);
        job.StoresModel("new", 40);
        job.Finishes(0, 40, life: 1);
        job.Finishes(1, 40, life: 1);
        Assert.Equal(("finished", "new"), (job.View.Phase, job.View.ModelSha256));
    }

    [Fact]
    public void A_worker_that_has_not_heard_of_the_end_and_holds_the_final_state_is_gone_on_from()
    {
        FinishAt20(checkpoints: 15);
        job.Extend(steps: 40);
        job.Offer((0, 0), (1, 1));
        job.AdvanceUntilAsked(0, Soon);
        job.Answers(0, 20, recorded: 20);
        job.Answers(1, null, life: 1);
        Assert.Equal((CatchUp.None, 21L, 0), (job.PlanOf(0)!.CatchUp, job.PlanOf(0)!.FirstStep, job.PlanOf(0)!.Timeline));
        Assert.DoesNotContain(EventKinds.CheckpointRestored, job.Events);
    }

    [Fact]
    public void A_finished_job_that_saves_checkpoints_and_had_none_yet_begins_again_from_the_seed_at_once()
    {
        FinishAt20();
        job.Extend(steps: 40);
        job.Offer((2, 0));
        job.Advance(new JobSpec().FaultTolerance.StartTimeout);
        job.Answers(2, null);
        Assert.Equal(
            (CatchUp.Initialize, 1L, 1, 40L),
            (job.PlanOf(2)!.CatchUp, job.PlanOf(2)!.FirstStep, job.PlanOf(2)!.Timeline, job.PlanOf(2)!.LastStep!.Value));
    }

    [Fact]
    public void A_finished_job_that_saves_no_checkpoints_stays_finished_with_its_model_and_a_failed_one_failed()
    {
        FinishAt20();
        job.ReloadWith(stored => stored with { Spec = stored.Spec with { Checkpoint = new CheckpointSpec { Interval = "off" } } });
        var state = job.State;
        job.Extend(steps: 40);
        Assert.Equal((state, "finished"), (job.State, job.View.Phase));
        job.ReloadWith(stored => stored with { Phase = JobPhase.Failed, Spec = stored.Spec with { Checkpoint = new CheckpointSpec() } });
        state = job.State;
        job.Extend(steps: 40);
        Assert.Equal((state, "failed"), (job.State, job.View.Phase));
    }

    [Fact]
    public void A_finished_job_whose_checkpoints_prove_damaged_is_what_it_was_with_its_model()
    {
        FinishAt20(checkpoints: 15);
        job.Extend(steps: 40, workersEnded: true);
        job.Offer((2, 0));
        for (var waited = TimeSpan.Zero; waited < TimeSpan.FromHours(1) && job.View.Phase != "finished"; waited += Soon)
        {
            if (job.PlanOf(2) is not null)
                job.CannotRead(2, 15);
            job.Answers(2, null);
            job.Advance(Soon);
        }

        Assert.Equal(
            ("finished", "old", 20L, 20L), (job.View.Phase, job.View.ModelSha256, job.View.Recorded, job.View.Spec.Training.Steps));
        Assert.DoesNotContain(EventKinds.JobFailed, job.Events);
    }

    [Fact]
    public void Whoever_has_ended_the_workers_says_so_and_then_nobody_is_waited_for()
    {
        job.Train(0, 1);
        job.ReloadWithCheckpoints(1);
        job.Extend(workersEnded: true);
        job.Offer((2, 0));
        job.LosesLink(0);
        job.LosesLink(1);
        job.AdvanceUntilAsked(2, TimeSpan.FromMinutes(1));
        job.Answers(2, null);
        Assert.Equal((CatchUp.LoadCheckpoint, 2L), (job.PlanOf(2)!.CatchUp, job.PlanOf(2)!.FirstStep));
        Assert.Contains("holdersEnded", job.State, StringComparison.Ordinal);
        job.Advances(2, 2);
        Assert.DoesNotContain("holdersEnded", job.State, StringComparison.Ordinal);
    }

    [Fact]
    public void More_ranks_are_asked_for_and_join_as_they_come()
    {
        job.Train(0, 1);
        Assert.Equal(2, job.Wanted);
        job.Extend(ranks: 4);
        Assert.Equal((4, 1L, (long?)null), (job.Wanted, job.Generation, job.PlanOf(0)!.LastStep));
        job.Offer((0, 0), (1, 0), (2, 0), (3, 0));
        job.AdvanceUntilAsked(3, Soon);
        Assert.Equal(4, job.View.Members.Count);
    }

    private void Finish(long step)
    {
        job.AdvanceUntilAsked(0, Soon);
        job.Answers(0, 1, recorded: 1);
        job.Answers(1, 1, recorded: 1);
        job.Advances(0, 2);
        job.Advances(1, 2);
        job.SaysSteps(0, timeline: 0, 2, step);
        job.Finishes(0, step);
        job.Finishes(1, step);
    }

    private void FinishAt20(params long[] checkpoints)
    {
        job.Train(0, 1);
        job.SaysSteps(0, timeline: 0, 2, 20);
        job.StoresModel("old", 20);
        job.Finishes(0, 20);
        job.Finishes(1, 20);
        Assert.Equal("finished", job.View.Phase);
        job.ReloadWithCheckpoints(checkpoints);
        Assert.Equal("old", job.View.ModelSha256);
    }
}
