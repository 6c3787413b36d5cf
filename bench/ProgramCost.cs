using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Coordinator.Cli.Workers;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker;
using Coordinator.Worker.Data;
using Coordinator.Worker.External;
using Coordinator.Worker.Processes;
using Coordinator.Worker.Ranks;

namespace Coordinator.Bench;

/// <summary>
/// What a program of one's own costs as a rank: the same script alone, accumulating over the same shards, and as the one rank of a job with
/// the shipping machine and executor, by turns. Start and warm-up are left out of both. Processor time counts on a busy machine, where time
/// does not.
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
            return cancel => Task.FromResult(Measure(spec, path, parsed.GetValue(rounds), cancel));
        });
    }

    private static bool Measure(JobSpec spec, string script, int rounds, CancellationToken cancel)
    {
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
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"median {times.Order().ElementAt(rounds / 2):F3} of alone's speed, "
            + $"{processors.Order().ElementAt(rounds / 2):F3} by processor time"));
        return true;
    }

    private static (double Seconds, double Processor) Alone(JobSpec spec, string script)
    {
        var (program, training) = (spec.Program!, spec.Training);
        string[] arguments =
        [
            Path.Combine(AppContext.BaseDirectory, "peers", "program_alone.py"), script, $"{training.Steps}", $"{training.BatchSize}",
            $"{training.Shards}",
            .. program.Arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries),
        ];
        var start = new ProcessStartInfo(program.Python, arguments) { RedirectStandardOutput = true };
        foreach (var name in new[] { "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "COORDINATOR_THREADS" })
            start.Environment[name] = $"{program.Threads}";
        using var process = Process.Start(start)!;
        var said = process.StandardOutput.ReadToEnd().Trim().Split('\n')[^1].Split(' ');
        process.WaitForExit();
        return process.ExitCode == 0 && said.Length == 2
            ? (double.Parse(said[0], CultureInfo.InvariantCulture), double.Parse(said[1], CultureInfo.InvariantCulture))
            : throw new RecoveryFailedException($"{script} failed alone with exit code {process.ExitCode}");
    }

    private static (double Seconds, double Processor) Ranked(JobSpec spec, string script, string folder, CancellationToken cancel)
    {
        using var launcher = new ProgramLauncher(new ProgramPolicy { Allowed = true }, folder, Environment.ProcessId, new SilentLog());
        var launch = ProgramStart.Of(
            new JobId("bench"),
            spec,
            spec.Program!,
            new GpuId(new NodeId("bench"), 0),
            Path.GetDirectoryName(script)!,
            new DataStore(folder),
            launcher,
            folder);
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
