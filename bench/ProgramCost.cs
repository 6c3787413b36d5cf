using System.Diagnostics;
using System.Globalization;
using Coordinator.Cli.Workers;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker;
using Coordinator.Worker.External;
using Coordinator.Worker.Processes;
using Coordinator.Worker.Ranks;

namespace Coordinator.Bench;

/// <summary>
/// What a program of one's own costs as a rank: the same script alone, accumulating over the same shards, and as the one rank of a job with
/// the shipping machine and executor, by turns. Start and warm-up are left out of both. Processor time counts on a busy machine, where time does not.
/// </summary>
internal static class ProgramCost
{
    private const string Usage = "program --script train.py [--python python3] [--steps 20] [--batch 16] [--shards 4] [--threads 1] [--rounds 3] [--arguments \"…\"]";

    public static int Run(string[] args) => BenchEntry.Run(Usage, () =>
    {
        BenchOptions options = new(args, "--script", "--python", "--steps", "--batch", "--shards", "--threads", "--rounds", "--arguments");
        var script = Path.GetFullPath(options.Text("--script") ?? throw new FormatException("--script is missing"));
        var spec = new JobSpec
        {
            Model = new ModelSpec { Program = "process" },
            Program = new ProgramSpec
            {
                Entry = Path.GetFileName(script), Python = options.Text("--python") ?? "python3", Threads = options.Number("--threads", 1), Arguments = options.Text("--arguments") ?? "",
            },
            Training = new TrainingSpec { Steps = options.Number("--steps", 20), BatchSize = options.Number("--batch", 16), Shards = options.Number("--shards", 4) },
        };
        var rounds = options.Number("--rounds", 3);
        return cancel => Task.FromResult(Measure(spec, script, rounds, cancel));
    });

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
                    $"round {round}: alone {alone.Seconds:F2} s ({alone.Processor:F2} s of processors), as a rank {ranked.Seconds:F2} s ({ranked.Processor:F2} s): {times[^1]:F3} of alone's speed, {processors[^1]:F3} by processor time"));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"median {times.Order().ElementAt(rounds / 2):F3} of alone's speed, {processors.Order().ElementAt(rounds / 2):F3} by processor time"));
        return true;
    }

    private static (double Seconds, double Processor) Alone(JobSpec spec, string script)
    {
        var (program, training) = (spec.Program!, spec.Training);
        string[] arguments =
        [
            Path.Combine(AppContext.BaseDirectory, "peers", "program_alone.py"), script, $"{training.Steps}", $"{training.BatchSize}", $"{training.Shards}",
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
        var launch = ProgramStart.Of(new JobId("bench"), spec, spec.Program!, new GpuId(new NodeId("bench"), 0), Path.GetDirectoryName(script)!, new DataStore(folder), launcher, folder);
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
