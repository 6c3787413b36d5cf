using System.CommandLine;
using System.Globalization;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Faults;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Measures;
using Coordinator.Runs.Paths;
using Coordinator.Runs.Processes;
using Coordinator.Runs.View;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;

namespace Coordinator.Bench;

/// <summary>
/// What is left of training while workers are killed all the time: the undisturbed run's time over the disturbed one's, for equal steps on
/// equal workers. The killed come back at once. Severities are those of torchft's published runs, and fixed times.
/// </summary>
internal static class Goodput
{
    private const int SmallBatch = 16;
    private const int TrialSteps = 12;

    private sealed record Sample(
        Severity Severity,
        int Batch,
        long Steps,
        TimeSpan Quiet,
        TimeSpan Disturbed,
        int Kills,
        int Failures,
        IReadOnlyList<TimeSpan> Recoveries,
        long Lost,
        bool SameFile)
    {
        public double Ratio => Quiet / Disturbed;
    }

    private sealed record Trained(JobResult Result, string Sha256, IReadOnlyList<DateTimeOffset> Kills);

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand(
            "goodput", "what is left of training while workers are killed all the time, at torchft's severities and faster");
        var read = GoodputOptions.AddTo(command);
        return command.Runs(parsed =>
        {
            var options = read(parsed);
            return stop => RunAsync(options, BenchCommand.Text(parsed), stop);
        });
    }

    private static async Task<bool> RunAsync(GoodputOptions options, string command, CancellationToken cancel)
    {
        var load = MachineLoad.Now();
        var directory = RunDirectory.Create(null);
        List<Sample> samples = [];
        var done = false;
        try
        {
            var run = 0;
            var smallStep = StepSeconds(await TrainAsync(options.Job(TrialSteps * 4, SmallBatch), null, 0));
            foreach (var severity in options.Severities)
            {
                var batch = Math.Max(SmallBatch, (int)Math.Ceiling(severity.StepSeconds * 1.15 / smallStep) * SmallBatch);
                var step = batch == SmallBatch ? smallStep : StepSeconds(await TrainAsync(options.Job(TrialSteps, batch), null, 0));
                var steps = Math.Max(10, (long)(options.Seconds / step));
                var quiet = await TrainAsync(options.Job(steps, batch), null, 0);
                step = StepSeconds(quiet);
                var disturbed = await TrainAsync(
                    options.Job(steps, batch), severity, severity.InSteps ? severity.Interval * step : severity.Interval);
                samples.Add(new Sample(
                    severity, batch, steps, quiet.Result.Took, disturbed.Result.Took, disturbed.Kills.Count, disturbed.Result.Job.Failures,
                    Recoveries.FromKills(disturbed.Kills, disturbed.Result.Data.Events),
                    StepLedger.Of(disturbed.Result.Data.Steps, steps).Lost,
                    quiet.Sha256 == disturbed.Sha256));
            }

            done = true;
            return Report(options, command, load, samples);

            Task<Trained> TrainAsync(JobSpec job, Severity? severity, double interval) =>
                Goodput.TrainAsync(options, job, severity, interval, RunDirectory.Create(directory.File($"{++run}")), cancel);
        }
        finally
        {
            if (done || cancel.IsCancellationRequested) directory.RemoveIfTemporary();
            else Console.Error.WriteLine($"logs: {directory.Path}");
        }
    }

    private static async Task<Trained> TrainAsync(
        GoodputOptions options, JobSpec job, Severity? severity, double interval, RunDirectory directory, CancellationToken cancel)
    {
        var (spec, frozen) = TrainingData.Freeze(job, null, directory);
        await using var cluster = await LocalCluster.StartAsync(
            new LocalClusterOptions { Workers = options.Workers }, directory, cancel);
        using CoordinatorClient client = new(cluster.Url, SiloToken.Load(cluster.TokenFile));
        SeededDraw draw = new(options.Seed);
        List<DateTimeOffset> kills = [];
        var next = DateTimeOffset.MaxValue;
        JobRun run = new(
            client, severity is null ? "undisturbed" : $"killed: {severity.Name}")
        { Cluster = cluster, OnTick = data => Strike(data) };
        var result = await run.RunAsync(spec, frozen, cancel);
        return new Trained(
            result, await run.DownloadAsync(result.Job, OutputPath.Look("--out", directory.File("model.safetensors")), cancel), kills);

        void Strike(RunData data)
        {
            if (severity is null || data.Job is null || data.Steps.Count == 0) return;
            var now = DateTimeOffset.Now;
            if (next == DateTimeOffset.MaxValue) next = now + Pause();
            if (now < next) return;

            // Whoever is up, taking part or not yet, as torchft's killer does; but never the last one, with whom the state would go.
            string[] ready = [.. data.Children.Where(child => child.Phase == ChildPhase.Ready && !LocalCluster.IsSilo(child.Name)).Select(
                child => child.Name)];
            string[] training = [.. data.Job.Members.Where(member => member.State == "training" && ready.Contains(member.Gpu.Node.Value))
                .Select(member => member.Gpu.Node.Value)];
            var victim = draw.Order(options.Workers).FirstOrDefault(
                worker =>
                    ready.Contains(LocalCluster.WorkerName(worker)) && training.Any(other => other != LocalCluster.WorkerName(worker)),
                -1);
            if (victim < 0 || cluster.KillWorker(victim) is null) return;
            kills.Add(now);
            next += Pause();
        }

        TimeSpan Pause() => TimeSpan.FromSeconds(interval * (severity!.Uniform ? 2 * draw.Fraction() : 1));
    }

    private static double StepSeconds(Trained trained)
    {
        double[] times = [.. trained.Result.Data.Steps.Skip(2).Select(step => step.Milliseconds / 1000).Order()];
        return times[times.Length / 2];
    }

    private static bool Report(GoodputOptions options, string command, MachineLoad load, List<Sample> samples)
    {
        Console.WriteLine();
        Console.WriteLine(command);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{load.Cores} cores, {load.Cpu}, load average {load.Load:0.0} at "
            + $"the start; model S, {options.Workers} workers, which start again when they are killed"));
        Console.WriteLine($"{"severity",-10} {"batch",5} {"steps",5} {"quiet s",8} {"kills",5} {"every s",8} {"killed s",8} {"goodput",8} "
            + $"{"recovery",9} {"p99",7} {"lost",5} same file");
        foreach (var sample in samples)
        {
            TimeSpan[] recoveries = [.. sample.Recoveries.Order()];
            string median = recoveries.Length == 0 ? "-" : Seconds(Recoveries.Median(recoveries)!.Value), p99 = recoveries.Length == 0
                ? "-"
                : Seconds(recoveries[(int)Math.Ceiling(0.99 * recoveries.Length) - 1]);
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{sample.Severity.Name,-10} {sample.Batch,5} {sample.Steps,5} {sample.Quiet.TotalSeconds,8:0.0} {sample.Kills,5} "
                        + $"{sample.Disturbed.TotalSeconds / Math.Max(1, sample.Kills),8:0.0} {sample.Disturbed.TotalSeconds,8:0.0} "
                        + $"{sample.Ratio,8:0.0%} {median,9} {p99,7} {sample.Lost,5} {(sample.SameFile ? "yes" : "NO")}"));
        }

        Console.WriteLine("published for torchft (30 groups, 10.9 s a step): a kill every 5.5 steps 81.2%, every 1.4 steps 13.4%");
        return samples.All(sample => sample.SameFile && sample.Lost == 0 && sample.Kills > 0);
    }

    private static string Seconds(TimeSpan span) => span.TotalSeconds.ToString("0.00 s", CultureInfo.InvariantCulture);
}
