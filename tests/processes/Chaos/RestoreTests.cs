using Coordinator.Machines;
using Coordinator.Machines.Jobs;

namespace Coordinator.Tests.Processes.Chaos;

/// <summary>Real processes of which none that holds the state is left: what was saved is the state, and the bits are the same.</summary>
public sealed class RestoreTests
{
    private const long Steps = 1500;
    private static readonly Workload Long = new(
        "gpt of 1500 steps", Workload.Gpt.Spec with { Training = Workload.Gpt.Spec.Training with { Steps = Steps } });

    [Fact]
    public async Task All_workers_killed_while_they_save_go_back_to_the_checkpoint_before()
    {
        // Both die in the same save: the newest checkpoint stays without a manifest.
        var record = await RunAsync(new ArmedFault(0, 1, "kill@save:700") { With = [1] });
        await AssertRestoredAsync(record, 1);
    }

    [Fact]
    public async Task A_worker_killed_before_it_writes_the_manifest_leaves_a_checkpoint_that_another_completes_or_none()
    {
        var record = await RunAsync(new ArmedFault(0, 1, "kill@seal:300"));
        Assert.Empty(record.Complaints(await Undisturbed.Sha256Async(Long), Steps));
        Assert.Contains(record.Events, stored => stored.Event.Kind == EventKinds.CheckpointSaved && stored.Event.Step >= 300);
    }

    [Fact]
    public async Task Killed_again_after_it_went_back_it_goes_back_again()
    {
        var record = await RunAsync(
            new ArmedFault(0, 1, "kill@compute:600") { With = [1] },
            new ArmedFault(0, 2, "kill@compute:900") { With = [1] });
        await AssertRestoredAsync(record, 2);
    }

    private static async Task<RunRecord> RunAsync(params ArmedFault[] faults) => await ProcessRun.RunAsync(
        new KillSchedule("nobody is left", Long, 2, 1) { Faults = [.. faults] },
        spec => spec with { Checkpoint = new CheckpointSpec { Interval = "50" } });

    /// <summary>
    /// The undisturbed file; every step recorded; steps that were computed again say so by their timeline, and have the same loss.
    /// </summary>
    private static async Task AssertRestoredAsync(RunRecord record, int times)
    {
        Assert.Equal(await Undisturbed.Sha256Async(Long), record.ModelSha256);
        Assert.Equal("finished", record.Job.Phase);
        Assert.Equal(times, record.Job.Timeline);
        Assert.Equal(times, record.Events.Count(stored => stored.Event.Kind == EventKinds.CheckpointRestored));
        foreach (var back in record.Events.Where(stored => stored.Event.Kind == EventKinds.CheckpointRestored))
        {
            Assert.Equal(
                record.Events.Last(stored => stored.Event.Kind == EventKinds.CheckpointSaved && stored.Ordinal < back.Ordinal).Event.Step,
                back.Event.Step);
        }
        Assert.Equal(
            Enumerable.Range(1, (int)Steps).Select(step => (long)step), record.Steps.Select(stored => stored.Step.Step).Distinct().Order());
        Assert.All(record.Steps.GroupBy(stored => (stored.Timeline, stored.Step.Step)), same => Assert.Single(same));
        Assert.All(
            record.Steps.GroupBy(stored => stored.Step.Step),
            same => Assert.Single(same.Select(stored => BitConverter.DoubleToInt64Bits(stored.Step.Loss)).Distinct()));
    }
}
