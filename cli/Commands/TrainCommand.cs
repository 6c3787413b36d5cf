using System.CommandLine;
using Coordinator.Cli.Paths;
using Coordinator.Configuration;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Paths;
using Coordinator.Runs.View;
using Coordinator.Server.Api;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Commands;

/// <summary><c>train</c>: one job from data to model file, on a cluster of this machine or on one that runs already.</summary>
public sealed class TrainCommand
{
    private readonly PathOption file = new(PathUse.Read, "--file", "-f")
    {
        Description = "Job file (YAML). The command line goes over it.",
    };
    private readonly PathOption data = new(PathUse.ReadAny, "--data")
    {
        Description = "A text or token file, a directory or a glob; for a program of your own in .NET also a table, .csv or .tsv "
            + "(default: the repository's own sources and documents).",
    };
    private readonly Option<bool> binary = new("--binary")
    {
        Description =
            "Train on the bytes of the data as they are, whatever they hold; else only text and shards of 16-bit tokens are taken.",
    };
    private readonly PathOption initial = new(PathUse.Read, "--init")
    {
        Description = "A model to start from in place of the seed's: safetensors with the tensors of the job's own model. The optimizer "
            + "and the learning rate begin anew. The same as --checkpoint.initial_load_path.",
    };
    private readonly PathOption program = new(PathUse.Read, "--program")
    {
        Description = "A program of your own: a Python script, an assembly of .NET (.dll), or a file that runs by itself. It and the "
            + "modules in its folder are brought to every worker. The same as --program.path.",
    };
    private readonly Option<string?> python = new("--python")
    {
        Description = "The interpreter that runs a Python program, by name or path (default: python3). The same as --program.python.",
    };
    private readonly Option<int?> workers = new("--workers", "-w")
    {
        Description = "Worker processes, 1 or more (default: what the job file's ranks need, else 2).",
    };
    private readonly Option<int> gpus = new("--gpus-per-worker")
    {
        Description = "Ranks in each worker, 1 or more.",
        DefaultValueFactory = _ => 1,
    };
    private readonly Option<bool> nondeterminism = new("--allow-nondeterminism")
    {
        Description = "Train a program although its shards were found to differ: no bits are promised then, and every view says so. "
            + "The same as --program.allow_nondeterminism=true.",
    };
    private readonly Option<long?> steps = new("--steps") { Description = "Optimizer steps; the same as --training.steps." };
    private readonly Option<ulong?> seed = new("--seed")
    {
        Description = "Seed of initialisation, data order and dropout; the same as --training.seed.",
    };
    private readonly PathOption output = new(PathUse.Write, "--out")
    {
        Description = "The model file to write.",
        DefaultValueFactory = _ => "model.safetensors",
    };
    private readonly PathOption workDirectory = new(PathUse.Folder, RunDirectory.Option)
    {
        Description = "Where database and logs go and "
        + "stay (default: a temporary directory). The same command again goes on with the run that is there."
    };
    private readonly Option<int> port = new("--port")
    {
        Description = "Loopback port of the silo; 0 takes a free one.",
        DefaultValueFactory = _ => 0,
    };
    private readonly ConnectionOptions connection = new();
    private readonly SilosOptionSet silos = new();
    private readonly DeviceOptionSet devices = new();

    /// <summary>The command.</summary>
    public static Command Create() => new TrainCommand().Build();

    private Command Build()
    {
        var command = new Command(
            "train",
            "Train a model. Without --silo, a silo and worker processes are started on this machine and ended with the run.\n"
            + "Every key of a job file can be given as an option: --model.layers=4 --training.batch_size 32 "
            + "--optimizer.learning_rate=1e-3.")
        {
            file, data, binary, initial, program, python, nondeterminism, workers, gpus, steps, seed, output, workDirectory, port,
        };
        silos.AddTo(command);
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
        var model = output.Output(parsed)!;
        if (model.IsStandardOutput)
            Console.SetOut(Console.Error);
        var loaded = LoadJob(parsed);
        var silo = FindSilo(parsed);
        var backend = silo is null ? silos.Read(parsed) : SiloBackend.Alone;
        if (silo is not null && devices.IsGiven(parsed))
        {
            throw new CommandException(
                ExitCodes.Usage,
                "--device chooses for workers that this command starts, and with --silo it starts none.",
                "Start the workers with --device; --job.device_class keeps the job to one class of device.");
        }

        if (silo is null && parsed.GetValue(connection.Proxy) is not null)
        {
            throw new CommandException(
                ExitCodes.Usage,
                "--proxy is a way to a silo, and none is named.",
                "Name it with --silo, or leave --proxy out: what this command starts here is reached without one.");
        }

        var workerDevices = silo is null ? devices.ForWorkers(parsed, parsed.GetValue(gpus), loaded.Spec.DeviceClass) : null;
        StandardStreams.NeverWait();
        using var signals = new Signals();
        using var directory = RunDirectory.Take(workDirectory.Full(parsed));
        var keepLogs = false;
        try
        {
            var there = RunRecord.Find(directory.Path);
            var asked = silo is null && !backend.IsCluster ? Record(parsed, loaded.Spec, workerDevices!, model) : null;
            if (there is not null)
                RefuseOther(there, asked, directory, withData: false);
            var before = Directory.Exists(directory.File("data")) ? Directory.GetFiles(directory.File("data")) : [];
            var (spec, frozen) = TrainingData.Freeze(
                loaded.Spec, parsed.GetValue(data) ?? loaded.DataPath, directory, there?.ReadSpec(), parsed.GetValue(binary),
                Console.WriteLine);
            (spec, var packed) = OwnProgram.Freeze(spec, loaded.ProgramPath, directory, there?.ReadSpec());
            var layout = OwnProgram.Check(spec, packed);
            (spec, var weights) = WeightsFile.Freeze(spec, initial.Full(parsed) ?? loaded.InitialPath, directory, there?.ReadSpec(),
                layout);
            string[] beside = [.. new[] { weights, packed }.OfType<string>()];
            if (asked is not null)
                asked = asked with { JobFile = JobFile.Write(spec) };
            if (there is not null)
            {
                RefuseOther(there, asked, directory, withData: true, () => Remove([frozen, weights, packed], before));
                return await GoOnAsync(there, directory, model, parsed.GetValue(port), signals);
            }

            Say(spec, frozen);
            keepLogs = silo is null;
            var sha256 = silo is null
                ? await new LocalRun(
                    asked ?? Record(parsed, spec, workerDevices!, model),
                    directory,
                    model,
                    backend,
                    parsed.GetValue(port),
                    signals).TrainAsync(spec, frozen, beside)
                : await TrainThereAsync(parsed, spec, frozen, beside, model, signals.Token);
            Console.WriteLine($"{sha256}  {parsed.GetValue(output)}");
            keepLogs = false;
            return ExitCodes.Success;
        }
        catch (OperationCanceledException) when (signals.ExitCode is { } code)
        {
            // Whatever the run knew of its job when it was stopped: what a checkpoint holds is not thrown away.
            keepLogs = silo is null && directory.HasCheckpoint;
            Console.Error.WriteLine(silo is null
                ? $"stopped; all processes of the run have ended{(keepLogs ? $", and its checkpoints are in {directory.Path}" : "")}"
                : "left the job running; 'coordinator status' shows it, 'coordinator cancel' ends it");
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

    /// <summary>
    /// What is typed counts more than what the environment says: a run that is to have a folder or a port of its own has a silo of its
    /// own.
    /// </summary>
    private string? FindSilo(ParseResult parsed)
    {
        if (parsed.GetValue(connection.Silo) is { } given)
            return given;
        if (((Option[])[workDirectory, port]).FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is not { } local)
            return connection.FindSilo(parsed);
        if (Environment.GetEnvironmentVariable(ConnectionVariables.Silo) is { Length: > 0 })
        {
            Console.Error.WriteLine(
                $"${ConnectionVariables.Silo} is not used: {local.Name} asks for a run on this machine; name the silo with --silo to "
                    + $"train there");
        }
        return null;
    }

    private LoadedJob LoadJob(ParseResult parsed)
    {
        var typed = new Dictionary<string, string>(StringComparer.Ordinal);
        List<string> overrides = [];
        if (parsed.GetValue(steps) is { } wantedSteps)
        {
            overrides.Add($"--training.steps={wantedSteps}");
            typed["training.steps"] = steps.Name;
        }

        if (parsed.GetValue(seed) is { } wantedSeed)
            overrides.Add($"--training.seed={wantedSeed}");
        if (program.Full(parsed) is { } wantedProgram)
            overrides.Add($"--{JobKeys.ProgramPath}={wantedProgram}");
        if (parsed.GetValue(nondeterminism))
            overrides.Add("--program.allow_nondeterminism=true");
        if (parsed.GetValue(python) is { } wantedPython)
            overrides.Add($"--program.python={wantedPython}");
        if (parsed.GetValue(workers) is { } wantedWorkers)
        {
            overrides.Add($"--job.ranks={(long)wantedWorkers * parsed.GetValue(gpus)}");
            typed["job.ranks"] = parsed.GetValue(gpus) == 1 ? workers.Name : $"{workers.Name} times {gpus.Name}";
        }
        else if (parsed.GetValue(file) is null
            && !parsed.UnmatchedTokens.Any(token => token.StartsWith("--job.ranks", StringComparison.Ordinal)))
        {
            overrides.Add($"--job.ranks={2 * parsed.GetValue(gpus)}");
        }
        return JobFile.LoadJob(file.Full(parsed), overrides.Concat(parsed.UnmatchedTokens), typed);
    }

    private RunRecord Record(ParseResult parsed, JobSpec spec, Func<int, IEnumerable<string>> workerDevices, OutputPath model)
    {
        var perWorker = parsed.GetValue(gpus);
        var count = parsed.GetValue(workers) ?? ((spec.Ranks + perWorker - 1) / perWorker);
        return new RunRecord(
            JobIds.New(spec.Name).Value,
            perWorker,
            [.. Enumerable.Range(0, count).Select(worker => workerDevices(worker).ToArray())],
            model.Path,
            JobFile.Write(spec));
    }

    /// <summary>
    /// A directory with a run's record is for that run; <paramref name="asked"/> is null where this command would leave no record.
    /// </summary>
    private static void RefuseOther(RunRecord there, RunRecord? asked, RunDirectory directory, bool withData, Action? undo = null)
    {
        try
        {
            if (asked is null)
                throw RunComparison.Refused(there, directory, "has a silo and workers of its own, and this command names others");
            RunComparison.RefuseOther(there, asked, directory, withData);
        }
        catch (CommandException)
        {
            undo?.Invoke();
            throw;
        }
    }

    /// <summary>Files that were frozen only to be compared, unless they were there before.</summary>
    private static void Remove(IEnumerable<string?> frozen, string[] before)
    {
        foreach (var path in frozen.OfType<string>().Except(before))
            File.Delete(path);
    }

    /// <summary>The same command again: what a scheduler does with a job that it has preempted.</summary>
    private static async Task<int> GoOnAsync(RunRecord there, RunDirectory directory, OutputPath model, int port, Signals signals)
    {
        if (there.Steps is { } steps)
            Console.WriteLine($"the run in {directory.Path} was given {steps} steps by 'coordinator resume', and goes as far as that");
        if (there.ModelSha256 is { } finished && await FinishedRun.PlaceAsync(there, directory, model, signals.Token))
        {
            Console.WriteLine($"job {there.Job} in {directory.Path} has finished already; nothing is trained again");
            Console.WriteLine($"{finished}  {model.Path}");
            return ExitCodes.Success;
        }

        Console.WriteLine($"going on with job {there.Job} in {directory.Path}");
        var sha256 = await new LocalRun(there.WithOutput(model.Path), directory, model, SiloBackend.Alone, port, signals).ResumeAsync();
        Console.WriteLine($"{sha256}  {model.Path}");
        return ExitCodes.Success;
    }

    private async Task<string> TrainThereAsync(
        ParseResult parsed, JobSpec spec, string? frozen, string[] beside, OutputPath model, CancellationToken cancel)
    {
        using var client = connection.Connect(parsed);
        var run = new JobRun(client, spec.Name) { BesidePaths = beside };
        var result = await run.RunAsync(spec, frozen, cancel);
        var healed = Counted.Of(result.Job.Failures, "failure");
        Console.WriteLine($"{spec.Training.Steps} steps in {Words.Duration(result.Took)}, {healed} healed");
        return await run.DownloadAsync(result.Job, model, cancel);
    }

    private static string Noun(DataSpec data) => data.Encoding switch
    {
        "bytes" => "text",
        DataSpec.Table => $"a table of {data.Bytes / data.BytesPerSample} rows and {Counted.Of(data.Columns, "column")}",
        _ => "tokens",
    };

    private static void Say(JobSpec spec, string? frozen)
    {
        var source = frozen is null
            ? ""
            : $" on {Words.Bytes(spec.Data.Bytes)} of {Noun(spec.Data)} (sha256 "
                + $"{spec.Data.Sha256[..12]}…)";
        Console.WriteLine(
            $"{spec.Program?.Entry ?? spec.Model.Program}: {spec.Training.Steps} steps of {spec.Training.BatchSize} in "
                + $"{spec.Training.Shards} shards, "
                + $"{Counted.Of(spec.Ranks, "rank")}{source}");
    }
}
