using Coordinator.Machines;
using Coordinator.Tests.Support;
using Coordinator.Worker.Faults;

namespace Coordinator.Tests.Processes.Chaos;

/// <summary>Maintenance by the command, of workers that train.</summary>
public sealed class DrainTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task A_node_is_drained_waited_for_and_returned_in_mid_run_and_the_model_is_the_undisturbed_one()
    {
        await using var run = await LoopbackRun.StartAsync();
        var watch = await run.SubmitAsync(Workload.LongGpt, 3, spec => spec with { MinRanks = 2 });
        using var holds = new TemporaryFolder();

        // The job stands still before two steps, so that nothing depends on how fast it is.
        run.StartWorker("worker-1", 1, FaultPlan.Parse([$"hold@compute:100:{holds.File("one")}", $"hold@compute:200:{holds.File("two")}"]));
        run.StartWorker("worker-2", 1, FaultPlan.None);
        run.StartWorker("worker-3", 1, FaultPlan.None);
        await watch.UntilAsync(view => view is { Recorded: > 0, Members.Count: 3 }, "steps of three ranks");

        using var drain = new Executable(
        [
            "drain", "node", "worker-2", "--reason", "new disk", "--by", "ann", "--wait", "--timeout", "2m", "-o", "json", .. run.Silo,
        ]);
        await watch.EventAsync(stored => stored.Event.Kind == EventKinds.RankLeaving, "the rank to leave");
        holds.Write("one", "");
        Assert.Equal(0, await drain.EndAsync(Limit));
        Assert.Contains("\"state\": \"drained\"", drain.Output, StringComparison.Ordinal);
        var view = await watch.UntilAsync(view => view is { Phase: "running", Members.Count: 2 }, "two ranks to go on");
        Assert.DoesNotContain(view.Members, member => member.Gpu.Node.Value == "worker-2");
        Assert.Contains("drained by ann: new disk", (await EndAsync(run, "nodes", "-o", "wide")).Output, StringComparison.Ordinal);

        // The job cannot do without another one, and there is none: it keeps it, and the wait ends unfinished.
        var waited = await EndAsync(run, "drain", "gpu", "worker-1/0", "--reason", "fan", "--wait", "--timeout", "1s");
        Assert.Equal(4, waited.Code);
        Assert.Contains("it cannot go on with fewer than 2 gpus", waited.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await EndAsync(run, "uncordon", "gpu", "worker-1/0")).Code);
        holds.Write("two", "");
        Assert.Equal(3, (await EndAsync(run, "drain", "node", "worker-9", "--reason", "typo")).Code);
        Assert.Equal(2, (await EndAsync(run, "drain", "node", "worker-1", "--reason", " ")).Code);

        var returned = await EndAsync(run, "uncordon", "node", "worker-2", "worker-1");
        Assert.Equal(
            (0, "worker-2 is given work again\nworker-1 was not drained"),
            (returned.Code, returned.Output.ReplaceLineEndings("\n").Trim()));
        var record = await watch.EndAsync(run.ModelPath);
        Assert.Empty(record.Complaints(await Undisturbed.Sha256Async(Workload.LongGpt), Workload.LongGpt.Steps));
        Assert.Equal(0, record.Job.Failures);
        Assert.DoesNotContain(record.Events, stored => stored.Event.Kind == EventKinds.RankExcluded);
        Assert.Contains(record.Events, stored => stored.Event.Text == "worker-2/0 leaves: drained by ann: new disk");
        var report = (await EndAsync(run, "report")).Output;
        Assert.Contains("effective training time", report, StringComparison.Ordinal);
        Assert.Contains("0 failures", report, StringComparison.Ordinal);
        Assert.Contains("worker-2/0 leaves: drained by ann: new disk", report, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gpu_that_is_marked_bad_leaves_its_job_in_order_and_serves_again_when_it_is_marked_good()
    {
        await using var run = await LoopbackRun.StartAsync();
        var watch = await run.SubmitAsync(Workload.LongGpt, 2, spec => spec with { MinRanks = 1 });
        using var holds = new TemporaryFolder();
        run.StartWorker("worker-1", 1, FaultPlan.Parse([$"hold@compute:100:{holds.File("one")}", $"hold@compute:200:{holds.File("two")}"]));
        run.StartWorker("worker-2", 1, FaultPlan.None);
        await watch.UntilAsync(view => view is { Recorded: > 0, Members.Count: 2 }, "steps of two ranks");

        var marked = await EndAsync(run, "gpus", "mark", "worker-2/0", "bad", "--reason", "a smell", "--by", "ann");
        Assert.Equal(0, marked.Code);
        Assert.Contains("marked bad by ann: a smell", marked.Output, StringComparison.Ordinal);
        holds.Write("one", "");
        await watch.UntilAsync(view => view is { Phase: "running", Members.Count: 1 }, "one rank to go on");
        Assert.Equal(0, (await EndAsync(run, "gpus", "mark", "worker-2/0", "good", "--reason", "aired")).Code);
        await watch.UntilAsync(view => view.Members.Count == 2, "two ranks again");
        holds.Write("two", "");
        var record = await watch.EndAsync(run.ModelPath);
        Assert.Empty(record.Complaints(await Undisturbed.Sha256Async(Workload.LongGpt), Workload.LongGpt.Steps));
        Assert.Equal(0, record.Job.Failures);
        Assert.Equal(3, (await EndAsync(run, "gpus", "mark", "worker-9/0", "bad", "--reason", "typo")).Code);
        Assert.Equal(2, (await EndAsync(run, "gpus", "mark", "worker-1", "bad", "--reason", "typo")).Code);
    }

    private static async Task<(int Code, string Output)> EndAsync(LoopbackRun run, params string[] arguments)
    {
        using var command = new Executable([.. arguments, .. run.Silo]);
        return (await command.EndAsync(Limit), command.Output);
    }
}
