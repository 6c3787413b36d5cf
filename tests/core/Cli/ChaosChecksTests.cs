using Coordinator.Lab.Chaos;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Storage;

namespace Coordinator.Tests.Cli;

/// <summary>A check that finds nothing wrong must be seen to find what is.</summary>
public sealed class ChaosChecksTests
{
    private const string Hash = "same";
    private const long Steps = 10;
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;

    [Fact]
    public void A_run_that_recorded_each_step_once_and_has_the_undisturbed_hash_has_kept_its_promises() =>
        Assert.Empty(ChaosChecks.Complaints(Record(Timeline(0, 1, 10)), Hash, Steps));

    [Fact]
    public void Another_hash_is_found() => Assert.Contains(
        "undisturbed it is other", Only(ChaosChecks.Complaints(Record(Timeline(0, 1, 10)), "other", Steps)), StringComparison.Ordinal);

    [Fact]
    public void A_job_that_failed_is_found() =>
        Assert.Contains("the job is failed: no state", ChaosChecks.Complaints(
            Record(Timeline(0, 1, 10)) with { Job = View(0) with { Phase = "failed", Reason = "no state" } },
            Hash,
            Steps).First(), StringComparison.Ordinal);

    [Fact]
    public void A_step_that_is_missing_is_found() =>
        Assert.Contains(
            "1 of 10 steps are not recorded: 4",
            Only(ChaosChecks.OfSteps([.. Timeline(0, 1, 3), .. Timeline(0, 5, 10)], Steps)),
            StringComparison.Ordinal);

    [Fact]
    public void A_step_that_is_recorded_twice_on_one_timeline_is_found() =>
        Assert.Contains(
            "more than once on one timeline: 7",
            Only(ChaosChecks.OfSteps([.. Timeline(0, 1, 10), .. Timeline(0, 7, 7)], Steps)),
            StringComparison.Ordinal);

    [Fact]
    public void A_step_that_the_job_does_not_have_is_found() =>
        Assert.Contains("11", Only(ChaosChecks.OfSteps(Timeline(0, 1, 11), Steps)), StringComparison.Ordinal);

    [Fact]
    public void A_step_that_was_computed_again_with_another_loss_is_found() =>
        Assert.Contains(
            "have another loss: 6",
            Only(ChaosChecks.OfSteps([.. Timeline(0, 1, 6), .. Timeline(1, 6, 10, step => step == 6 ? 0.5 : 1.0 / step)], Steps)),
            StringComparison.Ordinal);

    [Fact]
    public void A_record_that_falls_back_to_an_older_timeline_is_found() =>
        Assert.Contains(
            "step 7 of timeline 0 is recorded behind one of timeline 1",
            Only(ChaosChecks.OfSteps([.. Timeline(0, 1, 6), .. Timeline(1, 5, 6), .. Timeline(0, 7, 10)], Steps)),
            StringComparison.Ordinal);

    [Fact]
    public void A_return_to_the_newest_complete_checkpoint_keeps_the_promise() =>
        Assert.Empty(ChaosChecks.Complaints(
            Record([.. Timeline(0, 1, 8), .. Timeline(1, 7, 10)], 1, Saved(4), Saved(6), Restored(6, 1)), Hash, Steps));

    [Fact]
    public void A_return_to_the_seed_where_nothing_was_saved_keeps_the_promise() =>
        Assert.Empty(ChaosChecks.Complaints(Record([.. Timeline(0, 1, 3), .. Timeline(1, 1, 10)], 1, Restored(0, 1)), Hash, Steps));

    [Fact]
    public void A_return_further_than_to_the_newest_checkpoint_is_found() =>
        Assert.Contains("the newest complete checkpoint that can be read was that of step 6", Only(ChaosChecks.Complaints(
            Record([.. Timeline(0, 1, 8), .. Timeline(1, 5, 10)], 1, Saved(4), Saved(6), Restored(4, 1)),
            Hash,
            Steps)), StringComparison.Ordinal);

    [Fact]
    public void A_return_to_the_one_before_is_right_once_the_newest_was_found_damaged() =>
        Assert.Empty(ChaosChecks.Complaints(Record(
            [.. Timeline(0, 1, 8), .. Timeline(2, 5, 10)], 2, Saved(4), Saved(6), Restored(6, 1),
            Event(EventKinds.CheckpointUnreadable, 6, 1), Restored(4, 2)), Hash, Steps));

    [Fact]
    public void Steps_that_do_not_go_on_right_behind_the_checkpoint_are_found() =>
        Assert.Contains(
            "timeline 1 went back to step 6 and records steps from 8 on",
            Only(ChaosChecks.Complaints(Record([.. Timeline(0, 1, 8), .. Timeline(1, 8, 10)], 1, Saved(6), Restored(6, 1)), Hash, Steps)),
            StringComparison.Ordinal);

    [Fact]
    public void A_timeline_that_no_return_explains_is_found() =>
        Assert.Contains(
            "on timeline 1, and 0 returns",
            Only(ChaosChecks.Complaints(Record([.. Timeline(0, 1, 8), .. Timeline(1, 9, 10)], 1), Hash, Steps)),
            StringComparison.Ordinal);

    [Fact]
    public void A_blow_that_a_generation_followed_is_over_when_all_its_ranks_have_applied_a_step()
    {
        var record = Record(Timeline(0, 1, 10), 0, At(2.0, EventKinds.GenerationForming, 2), At(2.5, EventKinds.GenerationRunning, 2)) with
        {
            Deeds = [
                new ChaosDeed(Start.AddSeconds(1.8), "SIGKILL", 2, IsBlow: true),
                new ChaosDeed(Start.AddSeconds(0.1), "a note", 0, IsBlow: false),
            ],
        };
        Assert.Equal(0.7, record.Recovery!.Value.TotalSeconds, 3);
        Assert.Null((record with { ClocksAreRight = false }).Recovery);
    }

    private static string Only(IEnumerable<string> complaints) => Assert.Single(complaints);

    private static ChaosRecord Record(IReadOnlyList<StoredStep> steps, int timeline = 0, params CoordinatorEvent[] events) => new()
    {
        Job = View(timeline),
        ModelSha256 = Hash,
        Steps = steps,
        Events = [.. events.Select((e, ordinal) => new StoredEvent(ordinal + 1, Start.AddSeconds(e.DurationMs ?? 0), "silo", e))],
    };

    private static JobView View(int timeline) =>
        new() { Id = new JobId("job"), Phase = "finished", Spec = new JobSpec(), ModelSha256 = Hash, Timeline = timeline };

    private static StoredStep[] Timeline(int timeline, long first, long last, Func<long, double>? loss = null) =>
    [
        .. Enumerable.Range((int)first, (int)(last - first) + 1).Select(step => new StoredStep(
            step, timeline, Start.AddSeconds(step), new StepRecord(step, 1, loss?.Invoke(step) ?? 1.0 / step, 1, 1000, 16))),
    ];

    private static CoordinatorEvent Saved(long step) => Event(EventKinds.CheckpointSaved, step, 0);

    private static CoordinatorEvent Restored(long step, int timeline) => Event(EventKinds.CheckpointRestored, step, timeline);

    private static CoordinatorEvent Event(string kind, long step, int timeline) => new() { Kind = kind, Step = step, Timeline = timeline };

    private static CoordinatorEvent At(double seconds, string kind, long generation) =>
        new() { Kind = kind, Generation = generation, DurationMs = seconds };
}
