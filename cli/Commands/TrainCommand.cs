using System.CommandLine;
using Coordinator.Cli.Configuration;
using Coordinator.Cli.Local;
using Coordinator.Cli.Output;
using Coordinator.Cli.Runs;
using Coordinator.Cli.View;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Api;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Commands;

/// <summary><c>train</c>: one job from data to model file, on a cluster of this machine or on one that runs already.</summary>
public sealed class TrainCommand
{
    private readonly Option<FileInfo?> file = new("--file", "-f") { Description = "Job file (YAML). The command line goes over it." };
    private readonly Option<string?> data = new("--data")
    {
        Description = "A text or token file, a directory or a glob (default: the repository's own sources and documents).",
    };
    private readonly Option<int?> workers = new("--workers", "-w") { Description = "Worker processes, 1 or more (default: what the job file's ranks need, else 2)." };
    private readonly Option<int> gpus = new("--gpus-per-worker") { Description = "Ranks in each worker, 1 or more.", DefaultValueFactory = _ => 1 };
    private readonly Option<long?> steps = new("--steps") { Description = "Optimizer steps; the same as --training.steps." };
    private readonly Option<ulong?> seed = new("--seed") { Description = "Seed of initialisation, data order and dropout; the same as --training.seed." };
    private readonly Option<string> output = new("--out") { Description = "The model file to write.", DefaultValueFactory = _ => "model.safetensors" };
    private readonly Option<string?> workDirectory = new("--work-dir") { Description = "Where database and logs go and stay (default: a temporary directory)." };
    private readonly Option<int> port = new("--port") { Description = "Loopback port of the silo; 0 takes a free one.", DefaultValueFactory = _ => 0 };
    private readonly ConnectionOptions connection = new();
    private readonly EngineOptionSet engine = new();
    private readonly DeviceOptionSet devices = new();

    /// <summary>The command.</summary>
    public static Command Create() => new TrainCommand().Build();

    private Command Build()
    {
        var command = new Command(
            "train",
            "Train a model. Without --silo, a silo and worker processes are started on this machine and ended with the run.\n"
            + "Every key of a job file can be given as an option: --model.layers=4 --training.batch_size 32 --optimizer.learning_rate=1e-3.")
        {
            file, data, workers, gpus, steps, seed, output, workDirectory, port,
        };
        engine.AddTo(command);
        devices.AddTo(command);
        connection.AddTo(command);
        Checks.AtLeast(gpus, 1);
        Checks.InRange(port, 0, 65535);
        workers.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1)
                result.AddError("--workers is less than 1; choose 1 or more.");
        });

        // Dotted keys of the job file are not declared one by one; JobFile knows them, and refuses what is none.
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, _) => RunAsync(parsed));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        var loaded = LoadJob(parsed);
        var silo = connection.FindSilo(parsed);
        var backend = silo is null ? engine.Read(parsed) : SiloBackend.Embedded;
        if (silo is not null && devices.IsGiven(parsed))
        {
            throw new CommandException(
                ExitCodes.Usage, "--device chooses for workers that this command starts, and with --silo it starts none.", "Start the workers with --device; --job.device_class keeps the job to one class of device.");
        }

        if (silo is null && parsed.GetValue(connection.Proxy) is not null)
            throw new CommandException(ExitCodes.Usage, "--proxy is a way to a silo, and none is named.", "Name it with --silo, or leave --proxy out: what this command starts here is reached without one.");

        var workerDevices = silo is null ? devices.ForWorkers(parsed, parsed.GetValue(gpus), loaded.Spec.DeviceClass) : null;
        StandardStreams.NeverWait();
        using var signals = new Signals();
        var directory = RunDirectory.Create(parsed.GetValue(workDirectory));
        var keepLogs = false;
        try
        {
            var (spec, frozen) = TrainingData.Freeze(loaded.Spec, parsed.GetValue(data) ?? loaded.DataPath, directory);
            Say(spec, frozen);
            keepLogs = silo is null;
            var sha256 = silo is null
                ? await TrainHereAsync(parsed, backend, workerDevices!, spec, frozen, directory, signals)
                : await TrainThereAsync(parsed, spec, frozen, signals.Token);
            Console.WriteLine($"{sha256}  {parsed.GetValue(output)}");
            keepLogs = false;
            return ExitCodes.Success;
        }
        catch (OperationCanceledException) when (signals.ExitCode is { } code)
        {
            keepLogs = false;
            Console.Error.WriteLine(silo is null ? "stopped; all processes of the run have ended" : "left the job running; 'coordinator status' shows it, 'coordinator cancel' ends it");
            return code;
        }
        finally
        {
            if (keepLogs)
                Console.Error.WriteLine($"logs: {directory.Path}");
            else
                directory.RemoveIfTemporary();
        }
    }

    private LoadedJob LoadJob(ParseResult parsed)
    {
        List<string> overrides = [];
        if (parsed.GetValue(steps) is { } wantedSteps)
            overrides.Add($"--training.steps={wantedSteps}");
        if (parsed.GetValue(seed) is { } wantedSeed)
            overrides.Add($"--training.seed={wantedSeed}");
        if (parsed.GetValue(workers) is { } wantedWorkers)
            overrides.Add($"--job.ranks={wantedWorkers * parsed.GetValue(gpus)}");
        else if (parsed.GetValue(file) is null && !parsed.UnmatchedTokens.Any(token => token.StartsWith("--job.ranks", StringComparison.Ordinal)))
            overrides.Add($"--job.ranks={2 * parsed.GetValue(gpus)}");
        return JobFile.LoadJob(parsed.GetValue(file)?.FullName, overrides.Concat(parsed.UnmatchedTokens));
    }

    private Task<string> TrainHereAsync(ParseResult parsed, SiloBackend backend, Func<int, IEnumerable<string>> workerDevices, JobSpec spec, string? frozen, RunDirectory directory, Signals signals)
    {
        var perWorker = parsed.GetValue(gpus);
        var count = parsed.GetValue(workers) ?? ((spec.Ranks + perWorker - 1) / perWorker);
        var record = new RunRecord(
            JobIds.New(spec.Name).Value, perWorker, [.. Enumerable.Range(0, count).Select(worker => workerDevices(worker).ToArray())], Path.GetFullPath(parsed.GetValue(output)!));
        return new LocalRun(record, directory, backend, parsed.GetValue(port), signals).TrainAsync(spec, frozen);
    }

    private async Task<string> TrainThereAsync(ParseResult parsed, JobSpec spec, string? frozen, CancellationToken cancel)
    {
        using var client = connection.Connect(parsed);
        var run = new JobRun(client, spec.Name);
        var result = await run.RunAsync(spec, frozen, cancel);
        Console.WriteLine($"{spec.Training.Steps} steps in {Words.Duration(result.Took)}, {result.Job.Failures} failures healed");
        return await run.DownloadAsync(result.Job, Path.GetFullPath(parsed.GetValue(output)!), cancel);
    }

    private static void Say(JobSpec spec, string? frozen)
    {
        var source = frozen is null ? "" : $" on {Words.Bytes(spec.Data.Bytes)} of text (sha256 {spec.Data.Sha256[..12]}…)";
        Console.WriteLine($"{spec.Model.Program}: {spec.Training.Steps} steps of {spec.Training.BatchSize} in {spec.Training.Shards} shards, {spec.Ranks} ranks{source}");
    }
}
