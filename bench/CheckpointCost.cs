using System.CommandLine;
using System.Globalization;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.View;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;

namespace Coordinator.Bench;

/// <summary>
/// What a checkpoint costs training: one run in blocks of as many steps as lie between two checkpoints, with one in every other block
/// (in the order off, on, on, off, so that a machine that drifts favours neither), and the steps' times of neighbours compared.
/// </summary>
internal static class CheckpointCost
{
    private sealed record Options(string Model, int Every, int Pairs, int Workers, ulong Seed);

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand(
            "checkpoint", "what a checkpoint costs training: blocks of one run with and without, with a 95% interval");
        var model = command.AddChoice("--model", "S or M of the peers' table.", "m", "s");
        var every = command.AddNumber("--every", "Steps of a block.", 50, 4);
        var pairs = command.AddNumber("--pairs", "Pairs of blocks.", 4, 2);
        var workers = command.AddNumber("--workers", "Worker processes.", 2);
        var seed = command.AddNumber("--seed", "Decides the training.", 1, 0);
        return command.Runs(parsed =>
        {
            var options = new Options(
                parsed.GetValue(model)!,
                parsed.GetValue(every),
                parsed.GetValue(pairs),
                parsed.GetValue(workers),
                (ulong)parsed.GetValue(seed));
            return stop => RunAsync(options, BenchCommand.Text(parsed), stop);
        });
    }

    /// <summary>S and M of the peers' table: nanoGPT-like, over bytes.</summary>
    private static JobSpec Job(Options options) => new()
    {
        Name = "checkpoint-cost",
        Ranks = options.Workers,
        MinRanks = options.Workers,
        Model = options.Model == "s"
            ? new ModelSpec { Layers = 4, Heads = 4, Channels = 128, Block = 128 }
            : new ModelSpec { Layers = 6, Heads = 6, Channels = 384, Block = 256 },
        Training = new TrainingSpec
        {
            Steps = ((2L * options.Pairs) + 1) * options.Every,
            BatchSize = options.Model == "s" ? 16 : 4,
            Shards = 4,
            MicroBatch = options.Model == "s" ? 4 : 1,
            Seed = options.Seed,
        },
        Checkpoint = new CheckpointSpec { Interval = "off" },
    };

    /// <summary>Blocks after the first, which warms up: off, on, on, off and so on.</summary>
    private static bool IsOn(int block) => (block - 1) % 4 is 1 or 2;

    private static async Task<bool> RunAsync(Options options, string command, CancellationToken cancel)
    {
        var load = MachineLoad.Now();
        var directory = RunDirectory.Create(null);
        var job = Job(options);
        var (spec, frozen) = TrainingData.Freeze(job, null, directory);
        JobResult result;
        await using (
            var cluster = await LocalCluster.StartAsync(new LocalClusterOptions { Workers = options.Workers }, directory, cancel))
        {
            using CoordinatorClient client = new(cluster.Url, SiloToken.Load(cluster.TokenFile));
            var asked = 0;
            JobRun run = new(client, "checkpoints on and off")
            {
                Cluster = cluster,
                OnTick = data =>
                {
                    var block = (int)((data.Steps.Count == 0 ? 0 : data.Steps[^1].Step) / options.Every);
                    if (block <= asked || !IsOn(block) || data.Job is null) return;
                    asked = block;
                    _ = client.SaveCheckpointAsync(data.Job.Id, "measured", cancel);
                },
            };
            result = await run.RunAsync(spec, frozen, cancel);
        }

        directory.RemoveIfTemporary();
        return Report(options, command, load, result);
    }

    private static bool Report(Options options, string command, MachineLoad load, JobResult result)
    {
        double[] blocks = [.. Enumerable.Range(0, (2 * options.Pairs) + 1).Select(
            block => result.Data.Steps.Where(step => (step.Step - 1) / options.Every == block).Average(step => step.Milliseconds))];
        TimedEvent[] saved = [.. result.Data.Events.Where(stored => stored.Event.Kind == EventKinds.CheckpointSaved)];
        List<double> costs = [];
        for (var pair = 0; pair < options.Pairs; pair++)
        {
            var (a, b) = (1 + (2 * pair), 2 + (2 * pair));
            var (on, off) = IsOn(a) ? (blocks[a], blocks[b]) : (blocks[b], blocks[a]);
            costs.Add((on / off) - 1);
        }

        double[] excess = [.. Enumerable.Range(0, blocks.Length).Select(block => Excess(options, result, block))];
        List<double> confined = [.. Enumerable.Range(0, options.Pairs).Select(
            pair => (IsOn(1 + (2 * pair)) ? 1 : -1) * (excess[1 + (2 * pair)] - excess[2 + (2 * pair)]))];
        Console.WriteLine();
        Console.WriteLine(command);
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{load.Cores} cores, {load.Cpu}, load average {load.Load:0.0} at the start; model "
                + $"{options.Model}, {options.Workers} workers, a checkpoint every {options.Every} steps in every other block"));
        Console.WriteLine(
            "block means, ms a step: "
                + $"{string.Join(" ", blocks.Select((ms, block) => string.Create(CultureInfo.InvariantCulture, $"{ms:0.0}{(block == 0 ? " (warm-up)" : IsOn(block) ? " on" : " off")}")))}");
        foreach (var one in saved)
        {
            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"  step {one.Event.Step}: {one.Event.Numbers!["bytes"] / 1e6:0.0} MB, copy "
                    + $"{one.Event.Numbers["snapshotMs"]:0.0} ms, written in {one.Event.Numbers["writeMs"]:0} ms beside the training"));
        }
        Console.WriteLine($"cost of checkpointing every {options.Every} steps, by block means: {Interval(costs)}");
        Console.WriteLine($"the same, by the first {Window(options)} steps of a block (in which all of the saving lies) against the others "
            + $"of that block: {Interval(confined)}");
        var expected = Enumerable.Range(1, 2 * options.Pairs).Count(IsOn);
        var all = saved.Length == expected;
        Console.WriteLine($"all {expected} checkpoints were saved: {(all ? "yes" : $"NO, {saved.Length}")}");
        return all;
    }

    /// <summary>Steps from a block's start by whose end its checkpoint is written, with room to spare.</summary>
    private static int Window(Options options) => Math.Max(2, options.Every / 4);

    /// <summary>
    /// By how much the first steps of a block lengthen it, as a share: against its other steps, so that a machine that becomes faster or
    /// slower from block to block, as shared ones do, counts for nothing.
    /// </summary>
    private static double Excess(Options options, JobResult result, int block)
    {
        var window = Window(options);
        double[] times = [.. result.Data.Steps.Where(step => (step.Step - 1) / options.Every == block).OrderBy(step => step.Step).Select(
            step => step.Milliseconds)];
        var rest = times.Skip(window).Average();
        return window * (times.Take(window).Average() - rest) / (times.Length * rest);
    }

    private static string Interval(List<double> costs)
    {
        double mean = costs.Average(), deviation = Math.Sqrt(costs.Sum(cost => (cost - mean) * (cost - mean)) / (costs.Count - 1));
        var half = StudentT(costs.Count - 1) * deviation / Math.Sqrt(costs.Count);
        return string.Create(CultureInfo.InvariantCulture, $"{mean * 100:0.00}% of the step time (95% interval {(mean - half) * 100:0.00}% "
            + $"to {(mean + half) * 100:0.00}%, {costs.Count} pairs)");
    }

    /// <summary>Two-sided 95% points of Student's t.</summary>
    private static double StudentT(int freedom)
    {
        double[] table =
        [
            12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101,
            2.093, 2.086,
        ];
        return freedom <= table.Length ? table[freedom - 1] : 1.96;
    }
}
