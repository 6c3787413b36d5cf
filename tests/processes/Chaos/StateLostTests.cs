using Coordinator.Machines;
using Coordinator.Worker.Faults;

namespace Coordinator.Tests.Processes.Chaos;

/// <summary>Nobody is left who holds the state. The job makes up nothing: it waits, says for what, and goes on or gives up.</summary>
public sealed class StateLostTests
{
    // Far from its end whenever its only worker is ended.
    private static readonly Workload Endless = new(
        "endless", Workload.Linear.Spec with { Training = Workload.Linear.Spec.Training with { Steps = 10_000_000 } });

    [Fact]
    public async Task Without_workers_it_waits_and_a_worker_without_state_does_not_make_it_begin_again()
    {
        await using var run = await LoopbackRun.StartAsync();
        var watch = await SubmitAndLoseAsync(run, TimeSpan.Zero);
        var waiting = await watch.UntilAsync(view => view.Phase == "waiting", "the job to wait");
        Assert.Contains("no worker is left", waiting.Reason, StringComparison.Ordinal);
        Assert.Empty(waiting.Members);

        run.StartWorker("other", 1, FaultPlan.None);
        var still = await watch.UntilAsync(view => view is { Phase: "waiting", Members.Count: 1 }, "the job to wait with the newcomer");
        Assert.Contains($"no worker holds the state of step {still.Recorded} or later", still.Reason, StringComparison.Ordinal);
        Assert.True(still.Recorded >= waiting.Recorded);
    }

    [Fact]
    public async Task After_the_set_time_it_fails_and_names_the_setting()
    {
        await using var run = await LoopbackRun.StartAsync();
        var watch = await SubmitAndLoseAsync(run, TimeSpan.FromSeconds(1));
        var failed = await watch.UntilAsync(view => view.Phase == "failed", "the job to fail");
        Assert.Contains("within 1 s (fault_tolerance.state_timeout)", failed.Reason, StringComparison.Ordinal);
        Assert.Null(failed.ModelSha256);
        await watch.EventAsync(stored => stored.Event.Kind == EventKinds.JobFailed, "the event of the failure");
    }

    [Fact]
    public async Task Real_processes_go_on_when_a_frozen_worker_thaws_that_alone_holds_the_state()
    {
        var schedule = new KillSchedule("one dies, the other is frozen", Workload.LongGpt, 2, 1)
        {
            // The first dies in the step that the second never answers for: it is given up as well, and nobody is left.
            Faults = [new ArmedFault(0, 1, "kill@compute:220"), new ArmedFault(1, 1, "freeze@compute:220:8s")],
        };
        var record = await ProcessRun.RunAsync(
            schedule with { GoOn = true },
            spec => spec with { FaultTolerance = spec.FaultTolerance with { AnswerTimeout = TimeSpan.FromSeconds(1) } });
        Assert.Empty(record.Complaints(await Undisturbed.Sha256Async(Workload.LongGpt), Workload.LongGpt.Steps));
        Assert.Contains(record.Events, stored => stored.Event.Kind == EventKinds.JobWaiting);
    }

    /// <summary>A job whose only worker applied steps and is gone.</summary>
    private static async Task<JobWatch> SubmitAndLoseAsync(LoopbackRun run, TimeSpan stateTimeout)
    {
        var watch = await run.SubmitAsync(Endless, 1, spec => spec with
        {
            FaultTolerance = spec.FaultTolerance with { StateTimeout = stateTimeout, ProgressTimeout = TimeSpan.FromSeconds(1) },
        });
        var end = run.StartWorker("only", 1, FaultPlan.None);
        await watch.UntilAsync(view => view.Recorded > 0, "a first step");
        await end.CancelAsync();
        return watch;
    }
}
