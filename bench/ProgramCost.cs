using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Coordinator.Cli.Workers;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker;
using Coordinator.Worker.External;
using Coordinator.Worker.Processes;
using Coordinator.Worker.Ranks;

namespace Coordinator.Bench;

/// <summary>
/// What a program of one's own costs as a rank: the same script alone, accumulating over the same shards, and as the one rank of a job with
/// the shipping machine and executor, by turns; and, where that is asked for, the ranks of a job on real workers beside as many processes
/// of DistributedDataParallel over gloo. Start and warm-up are left out of both. Processor time counts on a busy machine, where time does
/// not.
/// </summary>
internal static class ProgramCost
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand("program", "what a program of one's own costs as a rank, beside the same script alone");
        var script = command.AddText("--script", "The program.");
        var python = command.AddText("--python", "Interpreter (default: python3).");
        var arguments = command.AddText("--arguments", "Arguments of the program, with spaces between them.");
        var (steps, batch) = (
            command.AddNumber("--steps", "Steps of a round.", 20), command.AddNumber("--batch", "Samples of a step.", 16));
        var (shards, threads) = (command.AddNumber("--shards", "Shards of a step.", 4), command.AddNumber("--threads", "Threads.", 1));
        var ranks = command.AddNumber(
            "--ranks", "With 2 or more: so many ranks of a job on real workers, beside DistributedDataParallel over gloo.", 1, 1, 64);
        var rounds = command.AddNumber("--rounds", "Rounds, of which the median counts.", 3);
        return command.Runs(parsed =>
        {
            var path = Path.GetFullPath(parsed.GetValue(script) ?? throw new FormatException("--script is missing"));
            var spec = new JobSpec
            {
                Model = new ModelSpec { Program = "process" },
                Program = new ProgramSpec
                {
                    Entry = Path.GetFileName(path),
                    Python = parsed.GetValue(python) ?? "python3",
                    Threads = parsed.GetValue(threads),
                    Arguments = parsed.GetValue(arguments) ?? "",
                },
                Training = new TrainingSpec
                {
                    Steps = parsed.GetValue(steps),
                    BatchSize = parsed.GetValue(batch),
                    Shards = parsed.GetValue(shards),
                },
            };
            return cancel => MeasureAsync(spec, path, parsed.GetValue(rounds), parsed.GetValue(ranks), cancel);
        });
    }

    private static async Task<bool> MeasureAsync(JobSpec spec, string script, int rounds, int ranks, CancellationToken cancel)
    {
        List<double> ofDdp = [];
        var folder = Directory.CreateTempSubdirectory("bench-program-").FullName;
        List<double> times = [], processors = [];
        try
        {
            for (var round = 1; round <= rounds; round++)
            {
                var alone = Alone(spec, script);
                var ranked = Ranked(spec, script, folder, cancel);
                times.Add(alone.Seconds / ranked.Seconds);
                processors.Add(alone.Processor / ranked.Processor);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"round {round}: alone {alone.Seconds:F2} s ({alone.Processor:F2} s of processors), as a rank {ranked.Seconds:F2} s "
                        + $"({ranked.Processor:F2} s): {times[^1]:F3} of alone's speed, {processors[^1]:F3} by processor time"));
                if (ranks == 1)
                    continue;
                var ddp = spec.Training.Steps * (double)spec.Training.BatchSize / DdpSeconds(spec, script, ranks);
                await using var cluster = await ProgramCluster.StartAsync(spec, script, ranks, cancel);
                var targets = await cluster.TargetsPerSecondAsync(cancel);
                var perSample = cluster.TargetsOfStep / (double)spec.Training.BatchSize;
                ofDdp.Add(targets / (ddp * perSample));
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"round {round}: {ranks} ranks {targets:F0} targets/s, DDP over gloo with {ranks} processes {ddp * perSample:F0}: "
                        + $"{ofDdp[^1]:F3} of DDP's speed; alone "
                        + $"{spec.Training.Steps * (double)spec.Training.BatchSize * perSample / alone.Seconds:F0}"));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"median {times.Order().ElementAt(rounds / 2):F3} of alone's speed, "
            + $"{processors.Order().ElementAt(rounds / 2):F3} by processor time"));
        if (ofDdp.Count > 0)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"median {ofDdp.Order().ElementAt(rounds / 2):F3} of DDP's speed with {ranks} ranks"));
        }

        return true;
    }

    private static double DdpSeconds(JobSpec spec, string script, int ranks)
    {
        var training = spec.Training;
        var said = Peer(spec, "program_ddp.py", script, $"{training.Steps}", $"{training.BatchSize}", $"{training.Shards}", $"{ranks}");
        return double.Parse(said[0], CultureInfo.InvariantCulture);
    }

    private static (double Seconds, double Processor) Alone(JobSpec spec, string script)
    {
        var training = spec.Training;
        var said = Peer(spec, "program_alone.py", script, $"{training.Steps}", $"{training.BatchSize}", $"{training.Shards}");
        return (double.Parse(said[0], CultureInfo.InvariantCulture), double.Parse(said[1], CultureInfo.InvariantCulture));
    }

    /// <summary>Runs the script under a peer, and gives the words of the last line that it prints.</summary>
    private static string[] Peer(JobSpec spec, string peer, params string[] arguments)
    {
        var program = spec.Program!;
        var start = new ProcessStartInfo(
            program.Python,
            [
                Path.Combine(AppContext.BaseDirectory, "peers", peer), .. arguments,
                .. program.Arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            ])
        {
            RedirectStandardOutput = true,
        };
        foreach (var name in new[] { "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "COORDINATOR_THREADS" })
            start.Environment[name] = $"{program.Threads}";
        using var process = Process.Start(start)!;
        var said = process.StandardOutput.ReadToEnd().Trim().Split('\n')[^1].Split(' ');
        process.WaitForExit();
        return process.ExitCode == 0
            ? said
            : throw new RecoveryFailedException($"{arguments[0]} failed under {peer} with exit code {process.ExitCode}");
    }

    private static (double Seconds, double Processor) Ranked(JobSpec spec, string script, string folder, CancellationToken cancel)
    {
        using var launcher = new ProgramLauncher(new ProgramPolicy { Allowed = true }, folder, Environment.ProcessId, new SilentLog());
        var launch = ProgramStart.Of(
            new JobId("bench"),
            spec,
            spec.Program!,
            Path.GetDirectoryName(script)!,
            data: null,
            launcher,
            new RankLogOptions(folder, "bench"));
        var device = new ProgramDevice(spec, launch, cancel);
        using var process = Process.GetProcessById(device.ProcessId);
        using var self = Process.GetCurrentProcess();
        var (watch, before) = (Stopwatch.StartNew(), process.TotalProcessorTime + self.TotalProcessorTime);
        var measured = new MeasuredDevice(device, spec.Training.Steps, () =>
        {
            process.Refresh();
            self.Refresh();
            return (watch.Elapsed.TotalSeconds, (process.TotalProcessorTime + self.TotalProcessorTime - before).TotalSeconds);
        });
        return WarmUp.RunAsync(spec, measured, Timeout.InfiniteTimeSpan).GetAwaiter().GetResult() && measured.AtEnd is { } end
            ? end
            : throw new RecoveryFailedException($"{script} ended before the job's last step");
    }
}
