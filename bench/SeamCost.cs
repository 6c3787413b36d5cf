using System.CommandLine;
using System.Diagnostics;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Programs;
using Coordinator.Worker.Ranks;

namespace Coordinator.Bench;

/// <summary>
/// What a rank costs beside its device's computing: whole jobs of one rank, with the shipping machine, executor and CPU device, on
/// constant bytes. Prints time and allocated bytes a step of each round, so that two builds can be run by turns and compared.
/// </summary>
internal static class SeamCost
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand(
            "seam", "what a rank costs beside its device: time and allocated bytes a step, to compare two builds");
        var rounds = command.AddNumber("--rounds", "Rounds, of which the median counts.", 8);
        var steps = command.AddNumber("--steps", "Steps of a round.", 60);
        return command.Runs(parsed => _ => Task.FromResult(Measure(parsed.GetValue(rounds), parsed.GetValue(steps))));
    }

    private static bool Measure(int rounds, int steps)
    {
        var spec = new JobSpec
        {
            Model = new ModelSpec { Layers = 2, Heads = 4, Channels = 128, Block = 32 },
            Training = new TrainingSpec { Steps = steps, BatchSize = 8, Shards = 8, MicroBatch = 1 },
        };
        Round(spec);
        List<double> times = [];
        for (var round = 1; round <= rounds; round++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            var milliseconds = Round(spec) / steps;
            times.Add(milliseconds);
            Console.WriteLine($"round {round}: {milliseconds:F3} ms a step, {(GC.GetTotalAllocatedBytes(precise: true) - before) / steps} "
                + "bytes allocated a step");
        }

        times.Sort();
        Console.WriteLine($"median {times[times.Count / 2]:F3} ms a step, least {times[0]:F3}, most {times[^1]:F3}");
        return true;
    }

    private static double Round(JobSpec spec)
    {
        var device = TrainingPrograms.Create(spec).CreateCpuDevice(new Constant(), new CpuDeviceOptions());
        var watch = Stopwatch.StartNew();
        return WarmUp.RunAsync(spec, device, Timeout.InfiniteTimeSpan).GetAwaiter().GetResult()
            ? watch.Elapsed.TotalMilliseconds
            : throw new InvalidOperationException("the rank ended before the job's last step");
    }

    private sealed class Constant : ISampleSource
    {
        public void ReadSample(long position, Span<int> tokens) => tokens.Fill((int)(position & 63));
    }
}
