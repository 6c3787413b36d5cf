using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Ledger;

namespace Coordinator.Tests.Machines.Ledger;

/// <summary>Where rank-seconds went, of histories whose answer is known.</summary>
public sealed class LedgerTests
{
    private const double Slack = 0.05;

    private static double[] Seconds(int count) => [.. Enumerable.Repeat(1.0, count)];

    private static LedgerStory Started(int ranks) =>
        new LedgerStory(ranks).Form(10, ranks).Plan(13).Run(15.1, 1).Steps(15, 1, Seconds(20));

    [Fact]
    public void An_undisturbed_job_trains_but_for_its_beginning_and_end()
    {
        var ledger = Started(4).Tell(36.5, EventKinds.JobFinished).Ledger(1000);

        Assert.Equal("finished", ledger.State);
        Near(4 * 36.5, ledger.RankSeconds);
        Near(4 * 10, Of(ledger, LedgerCause.Capacity));
        Near(4 * 3, Of(ledger, LedgerCause.ProgramStartup));
        Near(4 * 1, Of(ledger, LedgerCause.TrainingPrep));
        Near(4 * 21, Of(ledger, LedgerCause.Productive));
        Near(4 * 1.5, Of(ledger, LedgerCause.Finish));
        Near(0.792, ledger.EffectiveTrainingTimeRatio);
        Assert.Empty(ledger.Incidents);
        Assert.Equal(21, ledger.Steps);
        Assert.Equal(1000, ledger.IdealStepMs!.Value, 0.01);
    }

    [Fact]
    public void A_failure_costs_from_the_last_step_to_the_next_one_and_the_rank_that_is_missing_is_waited_for()
    {
        // Killed at 35.4, in the middle of a step; noticed at 35.6; the next step ends at 37, with three ranks, which take as long.
        var ledger = Started(4).Exclude(35.7, 2, "connection closed").Exclude(35.7, 3, "no answer")
            .Form(35.8, 2, "connection closed").Plan(36).Run(37.1, 22, seconds: 1.5, cause: "connection closed")
            .Steps(37, 22, Seconds(10)).Ledger(48);

        Near(4 * 1, Of(ledger, LedgerCause.InfrastructureRecovery));
        Near((4 * 21) + (2 * 11), Of(ledger, LedgerCause.Productive));
        Near((4 * 10) + (2 * 11), Of(ledger, LedgerCause.Capacity));
        var incident = Assert.Single(ledger.Incidents);
        Assert.True(incident.IsFailure);
        Assert.Equal("n2/0 is out: connection closed", incident.FirstCause);
        Assert.Equal(LedgerStory.Gpu(2), incident.Gpu);
        Assert.Equal([LedgerStory.Gpu(3)], incident.Followed);
        Assert.Equal(21, incident.Step);
        Near(2, incident.Seconds);
        Near(0.6, incident.DetectSeconds);
        Near(0.2, incident.DecideSeconds);
        Near(0.2, incident.ReconnectSeconds);
        Near(1, incident.ResumeSeconds);
        Near(4, incident.RankSeconds);
        Near(2, ledger.MeanSecondsToRecover!.Value);
        Near(37, ledger.MeanSecondsBetweenFailures!.Value);
        Assert.Equal(("n2", 1), (ledger.Nodes[0].Node.Value, ledger.Nodes[0].Failures));
        Assert.Equal("running", ledger.State);
    }

    [Fact]
    public void Steps_that_were_undone_are_wasted_progress_and_the_way_back_is_a_restore()
    {
        var story = Started(2).Exclude(35.5, 1, "silent").Form(36, 2, "silent", onNewTimeline: true)
            .Tell(37, EventKinds.CheckpointRestored, step: 11, text: "back to the checkpoint of step 11").Plan(37)
            .Run(40.1, 12, seconds: 4.5, cause: "silent").Steps(40, 12, Seconds(5));
        var ledger = story.Ledger(46);

        Near(2 * 10, Of(ledger, LedgerCause.WastedProgress));
        Near(2 * (11 + 6), Of(ledger, LedgerCause.Productive));
        Near(2 * 2, Of(ledger, LedgerCause.CheckpointRestore));
        Near(2 * 2, Of(ledger, LedgerCause.InfrastructureRecovery));
        Assert.Equal((17, 10), (ledger.Steps, ledger.UndoneSteps));
        Assert.Equal(10, Assert.Single(ledger.Incidents).UndoneSteps);
    }

    [Fact]
    public void Undone_steps_count_before_the_first_one_was_computed_again()
    {
        var ledger = Started(2).Exclude(35.5, 1, "silent").Form(36, 2, "silent", onNewTimeline: true)
            .Tell(37, EventKinds.CheckpointRestored, step: 11).Plan(37).Ledger(50);

        Near(2 * 10, Of(ledger, LedgerCause.WastedProgress));
        Assert.True(Assert.Single(ledger.Incidents).GoesOn);
        Near(15, ledger.Incidents[0].Seconds);
    }

    [Theory]
    [InlineData(LeaveCause.Drained, LedgerCause.Maintenance)]
    [InlineData(LeaveCause.GivenBack, LedgerCause.Power)]
    [InlineData(LeaveCause.Ending, LedgerCause.Maintenance)]
    public void Ranks_that_leave_in_order_are_no_failure_and_are_missed_for_their_reason(string left, string cause)
    {
        var ledger = Started(4).Tell(35.1, EventKinds.RankLeaving, left, node: 1).Form(35.2, 3, "rank leaves").Plan(35.3)
            .Run(36.6, 22, seconds: 1.4, cause: "rank leaves").Steps(36.5, 22, Seconds(4)).Ledger(42);

        Near((4 * 0.5) + (1 * 5), Of(ledger, cause));
        Assert.False(Assert.Single(ledger.Incidents).IsFailure);
        Assert.Null(ledger.MeanSecondsBetweenFailures);
    }

    [Fact]
    public void A_rank_that_comes_ends_what_was_missing()
    {
        var ledger = Started(2).Exclude(35.5, 1, "silent").Form(35.6, 1, "silent").Plan(35.7).Run(36.1, 22, 1).Steps(36, 22, Seconds(4))
            .Form(40.1, 2, "rank joins").Tell(40.1, EventKinds.RankJoined, node: 1).Plan(40.2).Run(41.6, 27, 1.4)
            .Steps(41.5, 27, Seconds(4)).Ledger(46);

        Near((2 * 10) + (1 * 5), Of(ledger, LedgerCause.Capacity));
        Near(2 * 0.5, Of(ledger, LedgerCause.Rescale));
    }

    [Fact]
    public void The_gpu_that_comes_back_is_no_longer_missed_and_the_other_one_is()
    {
        var ledger = Started(4).Exclude(35.2, 2, "silent").Form(35.2, 3, "silent").Plan(35.2).Run(36, 22, 0.8).Steps(36, 22, Seconds(2))
            .Tell(38.1, EventKinds.RankLeaving, LeaveCause.Drained, node: 1).Form(38.1, 2, "rank leaves").Plan(38.1).Run(39, 25, 0.9)
            .Steps(39, 25, Seconds(2)).Form(41.1, 3, "rank joins").Tell(41.1, EventKinds.RankJoined, node: 1).Plan(41.1).Run(42, 28, 0.9)
            .Steps(42, 28, Seconds(20)).Ledger(63);

        Near(1 * 3.3, Of(ledger, LedgerCause.Maintenance));
        Near((4 * 10) + (1 * 27), Of(ledger, LedgerCause.Capacity));
    }

    [Fact]
    public void Waits_for_workers_are_capacity_and_not_recovery()
    {
        var ledger = Started(2).Exclude(35.5, 1, "silent").Starve(35.5, "silent")
            .Form(95.5, 2, "silent").Plan(95.7).Run(97.1, 22, 61.5).Steps(97, 22, Seconds(4)).Ledger(102);

        Near(2 * (10 + 60), Of(ledger, LedgerCause.Capacity));
        Near(2 * 1, Of(ledger, LedgerCause.InfrastructureRecovery));
        Near(60, Assert.Single(ledger.Incidents).WaitSeconds);
    }

    [Fact]
    public void Slow_steps_are_a_stragglers_and_slow_steps_while_a_checkpoint_is_saved_are_the_checkpoints()
    {
        double[] steps = [1, 1, 1, 4, 1, 1, 1, 2.5, 1, 1, 1, 1];
        var ledger = new LedgerStory(2).Form(10, 2).Plan(13).Run(15.1, 1).Steps(15, 1, steps)
            .Tell(27.2, EventKinds.CheckpointSaved, seconds: 2, step: 9).Ledger(32);

        Near(2 * 3, Of(ledger, LedgerCause.Straggler));
        Near(2 * 1.5, Of(ledger, LedgerCause.CheckpointSave));
        Near(2 * 13, Of(ledger, LedgerCause.Productive));
    }

    [Fact]
    public void A_job_that_says_nothing_any_more_is_stalled_and_one_in_the_middle_of_a_step_is_not()
    {
        Near(2 * 36 - 1 * 2, Started(2).Ledger(36.9).RankSeconds);

        var stalled = Started(2).Ledger(100);
        Near(2 * 65, Of(stalled, LedgerCause.Straggler));
        Near(200, stalled.RankSeconds);
    }

    [Fact]
    public void Time_between_an_end_and_more_steps_is_nobodys()
    {
        var ledger = Started(2).Tell(35.5, EventKinds.JobFinished).Tell(1035.5, EventKinds.JobExtended, numbers: new() { ["ranks"] = 4 })
            .Form(1036, 4, "more steps").Plan(1036.2).Run(1038.1, 22).Steps(1038, 22, Seconds(4)).Ledger(1043);

        Near((2 * 35.5) + (4 * 6.5), ledger.RankSeconds);
        Near(2 * 0.5, Of(ledger, LedgerCause.Finish));
    }

    [Fact]
    public void A_job_that_never_got_gpus_has_waited_for_them()
    {
        var ledger = new LedgerStory(8).Ledger(60);

        Assert.Equal(("waiting", 0.0), (ledger.State, ledger.Goodput));
        Near(8 * 60, Of(ledger, LedgerCause.Capacity));
        Assert.Empty(ledger.Incidents);
    }

    private static double Of(JobLedger ledger, string cause)
    {
        // Whatever the history, it closes.
        Assert.Equal(ledger.RankSeconds, ledger.Entries.Sum(entry => entry.RankSeconds), 6);
        Assert.Equal(1, ledger.Entries.Sum(entry => entry.Share), 6);
        return ledger.Entries.SingleOrDefault(entry => entry.Cause == cause)?.RankSeconds ?? 0;
    }

    private static void Near(double expected, double actual) =>
        Assert.InRange(actual, (expected * (1 - Slack)) - 0.1, (expected * (1 + Slack)) + 0.1);
}
