using System.Text.Json.Nodes;
using Coordinator.Machines;
using Coordinator.Worker.Faults;

namespace Coordinator.Tests.Processes.Chaos;

/// <summary>A real run obeys the site's power: ranks that a lowered cap does not feed leave at the end of a step, and come back.</summary>
public sealed class PowerCapTests
{
    [Fact]
    public async Task A_cap_lowered_and_raised_in_mid_run_ends_in_the_undisturbed_model_with_no_step_lost()
    {
        await using var run = await LoopbackRun.StartAsync();
        await run.Client.SetPowerAsync(new JsonObject { ["wattsPerGpu"] = 700, ["wattsPerNode"] = 0, ["siteCapWatts"] = 2800 });
        var watch = await run.SubmitAsync(Workload.LongGpt, 4, spec => spec with { MinRanks = 1 });
        for (var worker = 1; worker <= 4; worker++)
            run.StartWorker($"worker-{worker}", 1, FaultPlan.None);
        await watch.UntilAsync(view => view is { Recorded: > 0, Members.Count: 4 }, "steps of four ranks");

        await run.Client.SetSiteCapAsync(1500);
        await watch.UntilAsync(view => view is { Phase: "running", Members.Count: 2 }, "two ranks to leave");
        var power = await run.Client.GetPowerAsync();
        Assert.Equal((1400, 0), (power.DrawWatts, power.OverWatts));

        await run.Client.SetSiteCapAsync(2800);
        await watch.UntilAsync(view => view.Members.Count == 4 || view.Phase == "finished", "the ranks to come back");
        var record = await watch.EndAsync(run.ModelPath);
        Assert.Empty(record.Complaints(await Undisturbed.Sha256Async(Workload.LongGpt), Workload.LongGpt.Steps));
        Assert.Equal(0, record.Job.Failures);
        Assert.Contains(record.Events, stored => stored.Event.Kind == EventKinds.PowerShed);
        Assert.Contains(record.Events, stored => stored.Event.Kind == EventKinds.PowerRestored);
    }
}
