using Coordinator.Machines;
using Coordinator.Worker.Faults;

namespace Coordinator.Tests.Processes.Chaos;

/// <summary>A device whose call never ends: its connections live, its heart beats, and every other rank waits for it.</summary>
public sealed class HangTests
{
    [Theory]
    [InlineData("hang@compute:60", "the device hangs: shard")]
    [InlineData("hang@apply:60", "the device hangs: the update of step")]
    public async Task A_device_that_hangs_is_out_and_the_model_is_the_undisturbed_one(string fault, string words)
    {
        await using var run = await LoopbackRun.StartAsync();
        var watch = await run.SubmitAsync(Workload.LongGpt, 2, spec => spec with
        {
            MinRanks = 1,
            FaultTolerance = spec.FaultTolerance with { HangTimeout = TimeSpan.FromSeconds(3) },
        });
        run.StartWorker("worker-1", 1, FaultPlan.None);
        run.StartWorker("worker-2", 1, FaultPlan.Parse([fault]));
        var excluded = await watch.EventAsync(stored => stored.Event.Kind == EventKinds.RankExcluded, "the rank to be out");

        Assert.Contains(words, excluded.Event.Text, StringComparison.Ordinal);
        Assert.Equal("worker-2", excluded.Event.Node!.Value.Value);
        var record = await watch.EndAsync(run.ModelPath);
        Assert.Empty(record.Complaints(await Undisturbed.Sha256Async(Workload.LongGpt), Workload.LongGpt.Steps));
    }
}
