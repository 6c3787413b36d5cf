using System.Text;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Measures;
using Coordinator.Runs.Models;
using Coordinator.Runs.Paths;
using Coordinator.Runs.View;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Worker.Faults;

namespace Coordinator.Runs.Demo;

/// <summary>
/// The demo: the same job twice, on fresh processes each time. In the first run workers and the silo are killed; the second is left
/// alone. Nothing that the runs share decides the bits but the spec and the frozen data.
/// </summary>
public sealed class DemoRunner(DemoOptions options)
{
    /// <summary>What the two runs are called.</summary>
    public static IReadOnlyList<string> Names { get; } = ["disturbed", "undisturbed"];

    /// <summary>Model file of a run.</summary>
    public static string PathOf(string folder, string name) => Path.Combine(folder, $"demo-{name}.safetensors");

    /// <summary>Runs both and reports.</summary>
    public async Task<DemoReport> RunAsync(CancellationToken cancel)
    {
        using var directory = RunDirectory.Take(options.WorkDirectory);
        var keepLogs = false;
        try
        {
            var (spec, frozen) = TrainingData.Freeze(
                DemoPlan.Job(options.Seed, options.Quick, options.Backend.Silos, options.Steps), options.Data, directory,
                say: Console.WriteLine);
            var schedule = KillSchedule.Draw(options.Seed, spec.Training.Steps, DemoPlan.Workers, options.Backend.Silos);
            Introduce(spec, schedule);
            keepLogs = true;
            var killer = new KillRunner(schedule, directory.Path);
            var disturbed = await TrainAsync("with kills", Names[0], spec, frozen!, directory, killer, cancel);
            Console.WriteLine("And now the same job, left alone.");
            var undisturbed = await TrainAsync("undisturbed", Names[1], spec, frozen!, directory, killer: null, cancel);
            var report = Report(spec, killer, disturbed, undisturbed);
            DemoReportPrinter.Print(report);
            SayText(report.Disturbed.File);
            keepLogs = false;
            return report;
        }
        finally
        {
            if (keepLogs && !cancel.IsCancellationRequested)
                Console.Error.WriteLine($"logs: {directory.Path}");
            else
                directory.RemoveIfTemporary();
        }
    }

    private void Introduce(JobSpec spec, KillSchedule schedule)
    {
        var model = spec.Model;
        Console.WriteLine(
            $"A GPT of {model.Layers} layers and {model.Channels} channels, {spec.Training.Steps} steps on "
                + $"{Words.Bytes(spec.Data.Bytes)} of "
            + (options.Data is null ? "this repository's own text" : options.Data) + $" (sha256 {spec.Data.Sha256[..12]}…).");
        Console.WriteLine(
            $"{DemoPlan.Workers} worker processes; seed {schedule.Seed} will SIGKILL {schedule.WorkerKills} workers and "
                + $"{(options.Backend.Silos == 1 ? "the silo" : $"{schedule.SiloKills} of {options.Backend.Silos} silos")} while they "
                + "train, each before the step behind it begins"
            + (options.Flip ? ", and one worker flips one bit." : "."));
    }

    private async Task<(DemoRun Run, RunData Data, string Engine)> TrainAsync(
        string title, string name, JobSpec spec, string frozen, RunDirectory directory, KillRunner? killer, CancellationToken cancel)
    {
        var cluster = await LocalCluster.StartAsync(
            new LocalClusterOptions
            {
                Workers = DemoPlan.Workers,
                Backend = options.Backend,
                Devices = options.Devices,
                WorkerArguments = (worker, start) =>
                    killer is null ? [] : [.. killer.WorkerArguments(worker, start), .. Flip(worker, spec)],
                WorkerSaid = killer is null ? null : killer.Heard,
            },
            RunDirectory.Create(directory.File(name)),
            cancel);
        await using (cluster)
        {
            if (killer is not null)
            {
                Console.WriteLine($"The grains of {(options.Backend.Silos == 1 ? "the silo" : "a silo")}, as Orleans shows them: "
                    + $"{cluster.Url.Split(',')[0]}/orleans/ (any name; the password is in {cluster.TokenFile}).");
            }
            using var client = new CoordinatorClient(cluster.Url, SiloToken.Load(cluster.TokenFile));
            var run = new JobRun(client, title)
            {
                Cluster = cluster,
                OnTick = data => killer?.Observe(data, cluster),
                Remedy = () =>
                    $"A finished model is safe in {Path.Combine(directory.File(name), "silo", "models")}; else run the demo again.",
            };
            var result = await run.RunAsync(spec, frozen, cancel);
            var info = await run.Calls.AskAsync((silo, limit) => silo.GetInfoAsync(limit), cancel);
            var file = PathOf(options.Output, name);
            var sha256 = await run.DownloadAsync(result.Job, OutputPath.Look("--out", file), cancel);
            var lost = StepLedger.Of(result.Data.Steps, spec.Training.Steps).Lost;
            return (new DemoRun(file, sha256, result.Took, result.Job.Failures, lost), result.Data, info.Engine);
        }
    }

    private IEnumerable<string> Flip(int worker, JobSpec spec) =>
        options.Flip && worker == 0 ? new FaultRule(
            FaultAction.Flip, FaultPoint.Contribution, Math.Max(1, spec.Training.Steps / 2)).Arguments : [];

    private DemoReport Report(
        JobSpec spec, KillRunner killer, (DemoRun Run, RunData Data, string Engine) disturbed, (DemoRun Run, RunData Data, string Engine) undisturbed)
    {
        var deaths = killer.Deaths(disturbed.Data.Notes);
        var workers = deaths.Where(death => !LocalCluster.IsSilo(death.Process)).Select(death => death.Time);
        return new DemoReport
        {
            Disturbed = disturbed.Run,
            Undisturbed = undisturbed.Run,
            Steps = spec.Training.Steps,
            Deaths = deaths,
            Silos = options.Backend.Silos,
            Missed = killer.Waiting,
            FromKill = Recoveries.FromKills(workers, disturbed.Data.Events),
            FromDetection = Recoveries.FromDetection(disturbed.Data.Events),
            Engine = $"{disturbed.Engine}; "
                + $"{disturbed.Data.Nodes.SelectMany(node => node.Gpus).Select(gpu => gpu.DeviceClass).FirstOrDefault() ?? "cpu"}",
        };
    }

    private void SayText(string file)
    {
        var made = TrainedModel.Load(file).Continue(
            Encoding.UTF8.GetBytes(options.Prompt), options.Quick ? 80 : 400, 0.5, 40, options.Seed);
        Console.WriteLine("The model goes on:");
        Console.WriteLine();
        Console.WriteLine((options.Prompt + Readable.Text(made)).TrimEnd());
    }
}
