using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Tests.Machines;

/// <summary>
/// No state is given up before what takes its place is there: a worker that comes back with a later state is gone on from until the job has
/// got somewhere without it, and a job fails for want of state only where no worker has any and no checkpoint can be read.
/// </summary>
public sealed class KeptStateTests
{
    private static readonly TimeSpan RestoreAfter = new CheckpointSpec().RestoreAfter;
    private static readonly TimeSpan StateTimeout = new FaultToleranceSpec().StateTimeout;
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(500);

    private const long Far = 40_000;
    private const long Steps = 100_000;

    private readonly JobAlone job = new(ranks: 2, minRanks: 1, spec => spec with { Training = spec.Training with { Steps = Steps } });

    [Fact]
    public void A_later_state_that_comes_back_after_the_checkpoint_proved_unreadable_is_gone_on_from()
    {
        GoBackTo(4);
        job.CannotRead(2, 4);
        job.Answers(2, null);
        Return(0);
        job.Answers(2, null);
        job.Answers(0, 15, recorded: 15);
        AssertGoesOnFrom(0, step: 15, ofTimeline: 0, timeline: 2);
        Assert.Equal(CatchUp.FetchState, job.PlanOf(2)!.CatchUp);
        Assert.DoesNotContain(EventKinds.JobFailed, job.Events);
    }

    [Fact]
    public void A_later_state_that_comes_back_while_the_checkpoint_is_being_read_is_gone_on_from()
    {
        GoBackTo(4);
        Return(0);
        job.Answers(2, 4, timeline: 1);
        job.Answers(0, 15, recorded: 15);
        AssertGoesOnFrom(0, step: 15, ofTimeline: 0, timeline: 2);
    }

    [Fact]
    public void A_later_state_that_comes_back_when_all_began_again_from_the_seed_is_gone_on_from()
    {
        RankState[] answers = [Answer(0, 0, timeline: 1), Answer(1, 7, timeline: 0), Answer(2, null, timeline: 0)];
        Assert.Equal(
            new StateChoice(StateSource.Kept, 0, 7),
            StateChoice.Of(answers, timeline: 1, recorded: 0, checkpoint: null, mayGoBack: false, isSeedAState: true));
        Assert.Equal(
            new StateChoice(StateSource.Present),
            StateChoice.Of([answers[0], answers[2]], timeline: 1, recorded: 0, checkpoint: null, mayGoBack: false, isSeedAState: true));
    }

    [Fact]
    public void Once_the_job_has_got_farther_than_its_checkpoints_a_state_of_the_old_timeline_is_not_mixed_in()
    {
        GoBackTo(4);
        job.Advances(2, 5);
        job.SaysSteps(2, timeline: 1, 5, 6);
        Return(0);
        job.SaysSteps(0, timeline: 0, 15, 15);
        job.Answers(2, 6, timeline: 1, recorded: 6);
        job.Answers(0, 15, recorded: 14);
        Assert.Equal(
            (CatchUp.None, 7L, 1, (int?)null),
            (job.PlanOf(2)!.CatchUp, job.PlanOf(2)!.FirstStep, job.PlanOf(2)!.Timeline, job.PlanOf(2)!.StateTimeline));
        Assert.Equal(CatchUp.FetchState, job.PlanOf(0)!.CatchUp);
        Assert.Equal([(0, 1L), (0, 15L), (1, 5L), (1, 6L)], job.Recorded);
    }

    [Fact]
    public void When_the_new_timeline_is_lost_as_well_the_old_ones_state_is_gone_on_from_at_once()
    {
        GoBackTo(4);
        job.Advances(2, 5);
        job.SaysSteps(2, timeline: 1, 5, 6);
        Return(0);
        job.Restarts(2, life: 1);
        job.AdvanceUntilAsked(0, Soon);
        job.Answers(0, 15, recorded: 15);
        AssertGoesOnFrom(0, step: 15, ofTimeline: 0, timeline: 2);
    }

    [Fact]
    public void What_only_the_returning_worker_knows_is_recorded_of_its_timeline_before_the_job_goes_on()
    {
        GoBackTo(4);
        job.CannotRead(2, 4);
        job.Answers(2, null);
        Return(0);
        job.Answers(2, null);
        job.SaysSteps(0, timeline: 0, 16, 18);
        job.Answers(0, 18, recorded: 15);
        Assert.Null(job.PlanOf(0));
        Assert.Equal([(0, 1L), (0, 15L)], job.Recorded);

        // Asked again, it says again what it has; only now does anybody need that.
        Assert.IsType<PrepareRank>(job.Newest[JobAlone.Gpu(0)]);
        job.SaysSteps(0, timeline: 0, 16, 18);
        AssertGoesOnFrom(0, step: 18, ofTimeline: 0, timeline: 2);
        Assert.Equal([(0, 1L), (0, 15L), (0, 16L), (0, 17L), (0, 18L)], job.Recorded);
        job.Advances(0, 19);
        job.Advances(2, 19);
        job.SaysSteps(0, timeline: 2, 19, 19);
        Assert.Equal((2, 19L), job.Recorded[^1]);
    }

    [Fact]
    public void A_job_without_checkpoints_goes_back_to_an_earlier_state_that_a_worker_holds_rather_than_fail()
    {
        Train();
        Lose();
        Return(0);
        job.Answers(2, null);
        job.Answers(0, 9, recorded: 9);
        Assert.Null(job.PlanOf(0));
        job.AdvanceUntilAsked(0, StateTimeout);
        job.Answers(2, null);
        job.Answers(0, 9, recorded: 9);
        AssertGoesOnFrom(0, step: 9, ofTimeline: 0, timeline: 1);
        Assert.DoesNotContain(EventKinds.JobFailed, job.Events);
    }

    [Theory]
    [InlineData(4, 9)]
    [InlineData(9, 4)]
    public void Of_a_checkpoint_and_an_earlier_state_that_a_worker_holds_the_later_is_taken(long saved, long held)
    {
        Train();
        job.ReloadWithCheckpoints(saved);
        Lose();
        Return(0);
        job.Answers(2, null);
        job.Answers(0, held, recorded: held);
        job.AdvanceUntilAsked(0, RestoreAfter);
        job.Answers(2, null);
        job.Answers(0, held, recorded: held);
        Assert.Equal(9 + 1, job.PlanOf(2)!.FirstStep);
        Assert.Equal(held > saved ? CatchUp.FetchState : CatchUp.LoadCheckpoint, job.PlanOf(2)!.CatchUp);
    }

    [Fact]
    public void A_checkpoint_that_one_worker_cannot_read_is_read_by_another()
    {
        GoBackTo(4);
        job.CannotRead(2, 4);
        job.Answers(2, null);
        job.Offer((2, 0), (3, 0));
        job.AdvanceUntilAsked(3, Soon);
        job.Answers(2, null);
        job.Answers(3, null);
        Assert.Equal((CatchUp.FetchState, CatchUp.LoadCheckpoint), (job.PlanOf(2)!.CatchUp, job.PlanOf(3)!.CatchUp));
    }

    [Fact]
    public void Where_nobody_can_read_the_newest_the_one_before_it_is_next_at_once()
    {
        GoBackTo(4, 9);
        Assert.Equal(9, job.PlanOf(2)!.Checkpoint!.Id.Step);
        job.CannotRead(2, 9);
        job.Answers(2, null);
        Assert.Equal(4, job.PlanOf(2)!.Checkpoint!.Id.Step);
    }

    [Fact]
    public void One_that_was_removed_and_is_there_again_is_gone_back_to_where_the_others_stay_unreadable()
    {
        Train();
        job.ReloadWithCheckpoints(4, 9);
        job.ReloadWith(stored => stored with { Checkpoints = [stored.Checkpoints[1]], Removed = [stored.Checkpoints[0]], Recorded = 15 });
        Lose();
        job.AdvanceUntilAsked(2, RestoreAfter + Moment);
        for (var waited = TimeSpan.Zero; waited < StateTimeout && job.PlanOf(2)?.Checkpoint?.Id.Step != 4; waited += Moment)
        {
            if (job.PlanOf(2) is not null)
                job.CannotRead(2, 9);
            job.Answers(2, null);
            job.Advance(Moment);
        }

        Assert.Equal(4, job.PlanOf(2)!.Checkpoint!.Id.Step);
        job.Answers(2, 4, timeline: job.PlanOf(2)!.Timeline);
        Assert.Equal("running", job.View.Phase);
    }

    [Fact]
    public void Checkpoints_that_cannot_be_read_are_tried_again_and_the_job_fails_only_when_that_was_in_vain()
    {
        GoBackTo(4);
        var tries = 0;
        for (var waited = TimeSpan.Zero; waited < StateTimeout + StateTimeout && job.View.Phase != "failed"; waited += Moment)
        {
            if (job.PlanOf(2) is not null)
            {
                tries++;
                job.CannotRead(2, 4);
            }

            job.Answers(2, null);
            job.Advance(Moment);
        }

        Assert.Equal("failed", job.View.Phase);
        Assert.InRange(tries, 3, 10);
    }

    [Fact]
    public void A_job_whose_workers_are_all_away_waits_for_some_as_long_as_it_has_a_checkpoint()
    {
        Train();
        job.ReloadWithCheckpoints(4);
        job.Offer();
        job.LosesLink(0);
        job.LosesLink(1);
        job.Advance(StateTimeout + StateTimeout);
        Assert.Equal("waiting", job.View.Phase);
        job.Offer((2, 0));
        job.AdvanceUntilAsked(2, Soon);
        job.Answers(2, null);
        Assert.Equal(CatchUp.LoadCheckpoint, job.PlanOf(2)!.CatchUp);
    }

    [Fact]
    public void A_job_that_waits_longer_for_its_workers_than_for_its_state_goes_back_when_it_would_fail()
    {
        var slow = new JobAlone(
            ranks: 1, minRanks: 1, spec => spec with { Checkpoint = new CheckpointSpec { RestoreAfter = StateTimeout + StateTimeout } });
        slow.Train(0);
        slow.ReloadWithCheckpoints(1);
        slow.Offer((2, 0));
        slow.LosesLink(0);
        slow.AdvanceUntilAsked(2, TimeSpan.FromMinutes(1));
        slow.Answers(2, null);
        slow.AdvanceUntilAsked(2, StateTimeout + Moment);
        slow.Answers(2, null);
        Assert.Equal(CatchUp.LoadCheckpoint, slow.PlanOf(2)!.CatchUp);
    }

    [Fact]
    public void The_word_of_a_rank_that_finished_on_an_earlier_timeline_is_not_of_the_present_record()
    {
        GoBackTo(4);
        job.Says(0, new RankFinished
        {
            Job = JobAlone.Job,
            Generation = 1,
            Gpu = JobAlone.Gpu(0),
            Step = Steps,
            RecordedThrough = Steps,
            StateSha256 = "0",
        });
        Assert.Equal(4, job.View.Recorded);
    }

    [Fact]
    public void Workers_with_earlier_states_do_not_take_each_others_place()
    {
        var narrow = LoseOf(15);
        narrow.Offer((2, 0));
        narrow.AdvanceUntilAsked(2, TimeSpan.FromMinutes(1));
        narrow.Answers(2, 9, recorded: 9);
        narrow.Offer((2, 0), (3, 0));

        // It may have the latest state, so it is asked; then it is known to have less.
        narrow.AdvanceUntilAsked(3, Soon);
        narrow.Answers(3, 5, recorded: 5);
        narrow.AdvanceUntilAsked(2, Soon);
        narrow.Answers(2, 9, recorded: 9);
        var generation = narrow.Generation;
        narrow.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(generation, narrow.Generation);
        Assert.Equal([JobAlone.Gpu(2)], narrow.View.Members.Select(member => member.Gpu));

        // Another process of the same node may have anything.
        narrow.Restarts(3, life: 1);
        narrow.Offer((2, 0), (3, 1));
        narrow.AdvanceUntilAsked(3, Soon);
    }

    [Fact]
    public void All_that_a_returning_worker_has_computed_is_recorded_before_the_job_goes_on_from_it_however_much_that_is()
    {
        GoBackTo(4);
        job.CannotRead(2, 4);
        job.Answers(2, null);
        Return(0);
        job.Answers(2, null);
        job.Answers(0, Far, recorded: 15);
        SayAllOfTimeline0(TimeSpan.FromMinutes(1));
        AssertGoesOnFrom(0, step: Far, ofTimeline: 0, timeline: 2);
        Assert.Equal(Enumerable.Range(16, (int)Far - 15).Select(step => (0, (long)step)), job.Recorded.Skip(2));
    }

    [Fact]
    public void All_that_was_computed_while_no_silo_was_there_is_recorded_before_the_job_goes_on()
    {
        Train();
        job.IsHeard(0, heard: true);
        job.Restarts(1, life: 1);
        job.AdvanceUntilAsked(0, Soon);
        job.Answers(0, Far, recorded: 15);
        SayAllOfTimeline0(TimeSpan.FromMinutes(1));
        Assert.Equal(Far + 1, job.PlanOf(0)!.FirstStep);
        Assert.Equal(Enumerable.Range(16, (int)Far - 15).Select(step => (0, (long)step)), job.Recorded.Skip(2));
    }

    [Fact]
    public void A_job_whose_only_holder_has_said_that_its_state_is_gone_waits_for_nobody()
    {
        var narrow = new JobAlone(ranks: 1, minRanks: 1);
        narrow.Train(1);
        narrow.Records(1, 15);
        narrow.ReloadWithCheckpoints(4);
        narrow.Offer((1, 0));
        narrow.Faults(1, FaultKind.Device, step: 16);
        narrow.IsReleased(1);
        narrow.AdvanceUntilAsked(1, TimeSpan.FromMinutes(1));
        narrow.Answers(1, null);
        Assert.Equal(CatchUp.LoadCheckpoint, narrow.PlanOf(1)!.CatchUp);
    }

    [Fact]
    public void A_newcomer_that_may_have_got_the_state_is_waited_for_when_those_that_it_got_it_from_are_gone()
    {
        Train();
        job.ReloadWithCheckpoints(4);
        job.Restarts(1, life: 1);
        job.Offer((0, 0), (2, 0));
        job.Answers(0, 15, recorded: 15);
        job.AdvanceUntilAsked(2, Soon);
        job.Answers(0, 15, recorded: 15);
        job.Answers(2, null);
        Assert.Equal(CatchUp.FetchState, job.PlanOf(2)!.CatchUp);

        // It fetches, and may have all of it: then the one that it fetches from is replaced, and it is out of reach itself.
        job.Restarts(0, life: 1);
        job.LosesLink(2);
        job.Offer((0, 1));
        job.AdvanceUntilAsked(0, TimeSpan.FromMinutes(1));
        job.Answers(0, null, life: 1);
        Assert.Null(job.PlanOf(0));
        Assert.True(job.AdvanceUntilAsked(0, RestoreAfter + Moment) >= Soon);
        job.Answers(0, null, life: 1);
        Assert.Equal(CatchUp.LoadCheckpoint, job.PlanOf(0)!.CatchUp);
    }

    /// <summary>
    /// Whenever node 0 is asked, it says the next of the steps that it has applied and that are not recorded, as many as a worker says at
    /// once.
    /// </summary>
    private void SayAllOfTimeline0(TimeSpan within)
    {
        var asked = -1;
        for (var waited = TimeSpan.Zero; waited < within && job.PlanOf(0) is null; waited += Moment / 50)
        {
            if (job.Questions[JobAlone.Gpu(0).Node] != asked)
            {
                asked = job.Questions[JobAlone.Gpu(0).Node];
                var next = job.Recorded.Last(step => step.Timeline == 0).Step + 1;
                if (next <= Far)
                    job.SaysSteps(0, timeline: 0, next, Math.Min(Far, next + 511));
            }

            job.Advance(Moment / 50);
        }
    }

    /// <summary>A job of one rank whose only worker, of node 1, is out of reach; steps up to this one are recorded.</summary>
    private static JobAlone LoseOf(long recorded)
    {
        var narrow = new JobAlone(ranks: 1, minRanks: 1);
        narrow.Train(1);
        narrow.Records(1, recorded);
        narrow.LosesLink(1);
        return narrow;
    }

    private static RankState Answer(int node, long? applied, int timeline) => new()
    {
        Job = JobAlone.Job,
        Generation = 2,
        Gpu = JobAlone.Gpu(node),
        Boot = 1,
        HasState = applied is not null,
        Timeline = timeline,
        Applied = applied ?? 0,
        StateBlocks = 1,
    };

    private void Train()
    {
        job.Train(0, 1);
        job.Records(0, 15);
    }

    /// <summary>Both members are out of reach; another worker without state takes their place.</summary>
    private void Lose()
    {
        job.Offer((2, 0));
        job.LosesLink(0);
        job.LosesLink(1);
        job.AdvanceUntilAsked(2, TimeSpan.FromMinutes(1));
        job.Answers(2, null);
        Assert.Null(job.PlanOf(2));
    }

    private void GoBackTo(params long[] saved)
    {
        Train();
        job.ReloadWithCheckpoints(saved);
        Lose();
        Assert.True(job.AdvanceUntilAsked(2, RestoreAfter + Moment) >= RestoreAfter - Moment);
        job.Answers(2, null);
        Assert.Equal((CatchUp.LoadCheckpoint, 1), (job.PlanOf(2)!.CatchUp, job.PlanOf(2)!.Timeline));
    }

    /// <summary>A worker is in reach again, and is asked in a new generation.</summary>
    private void Return(int node)
    {
        job.Says(node, new RankReleased { Job = JobAlone.Job, Generation = 1, Gpu = JobAlone.Gpu(node) });
        job.Offer((node, 0), (2, 0));
        job.IsHeard(node, heard: true);
        job.AdvanceUntilAsked(node, TimeSpan.FromMinutes(1));
    }

    private void AssertGoesOnFrom(int node, long step, int ofTimeline, int timeline)
    {
        Assert.Contains(EventKinds.StateRegained, job.Events);
        var plan = job.PlanOf(node)!;
        Assert.Equal(
            (CatchUp.None, ofTimeline, timeline, step + 1, step),
            (plan.CatchUp, plan.StateTimeline!.Value, plan.Timeline, plan.FirstStep, plan.RecordedThrough));
        Assert.Equal(step, job.View.Recorded);
    }
}
