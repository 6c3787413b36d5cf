using System.CommandLine;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Faults;

namespace Coordinator.Bench;

/// <summary>
/// Thousands of ranks in step: the same linear job with more and more ranks, each of which owns its state, in a few worker processes
/// that are killed at seeded steps and return. Steps a second against ranks, kill to next step, and one hash for all of them.
/// </summary>
internal static class Ranks
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand(
            "ranks", "thousands of ranks in step: steps a second against ranks, kills at seeded steps, one hash");
        var read = RanksOptions.AddTo(command);
        return command.Runs(parsed =>
        {
            var options = read(parsed);
            return async stop =>
            {
                var report = await RunAsync(options, BenchCommand.Text(parsed), stop);
                Console.WriteLine(options.Json ? report.ToJson() : report.ToTable());
                return report.Good;
            };
        });
    }

    private static async Task<RanksReport> RunAsync(RanksOptions options, string command, CancellationToken cancel)
    {
        var before = MachineLoad.Now();
        var directory = RunDirectory.Create(options.WorkDirectory);
        var done = false;
        try
        {
            List<RanksSample> workers = [];
            foreach (var ranks in options.Ranks)
                workers.Add(await OneAsync(options.Job(ranks), Math.Min(ranks, options.Workers), $"ranks-{ranks}"));
            List<RanksSample> peers = options.Peers == 0 ? [] :
            [
                await OneAsync(options.PeersJob(1), 1, "peers-1"),
                await OneAsync(options.PeersJob(options.Peers), options.Peers, $"peers-{options.Peers}"),
            ];
            done = true;
            return new RanksReport(command, options, before, MachineLoad.Now(), workers, peers);
        }
        finally
        {
            if (done || cancel.IsCancellationRequested) directory.RemoveIfTemporary();
            else Console.Error.WriteLine($"logs: {directory.Path}");
        }

        async Task<RanksSample> OneAsync(JobSpec spec, int processes, string name)
        {
            var sample = await new RanksRun(spec, processes, Schedule(options, processes)).RunAsync(
                RunDirectory.Create(directory.File(name)), cancel);
            Console.Error.WriteLine(
                $"{name}: {1000 / sample.StepMilliseconds:0.0} steps/s, {sample.Kills.Count} kills, {sample.Lost} lost, {sample.Sha256}");
            return sample;
        }
    }

    /// <summary>Which workers are killed, each at a step of its own in the first half: there has to be time to come back.</summary>
    private static Dictionary<int, long> Schedule(RanksOptions options, int processes)
    {
        if (processes == 1) return [];
        SeededDraw draw = new(options.Seed);
        var order = draw.Order(processes);
        var span = options.Steps / 2 / Math.Max(1, options.Kills);
        return Enumerable.Range(0, options.Kills).ToDictionary(
            kill => order[kill], kill => 5 + (kill * span) + draw.Below((int)Math.Max(1, span - 5)));
    }
}
