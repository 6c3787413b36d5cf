using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json;
using Coordinator.Cli.Output;
using Coordinator.Cli.Paths;
using Coordinator.Configuration;
using Coordinator.Disk;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Gangs;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Api;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Worker.Files;

namespace Coordinator.Cli.Commands;

/// <summary><c>run</c>: any command on the cluster's nodes, one process for each gpu, kept whole.</summary>
public sealed class RunCommand
{
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(15);

    private readonly Argument<string[]> command = new("command")
    {
        Description = "The command and its arguments, behind --.",
        Arity = ArgumentArity.OneOrMore,
    };
    private readonly Option<int?> nodes = new("--nodes", "-n")
    {
        Description = "Nodes that it runs on (default: the workers that are started here; with --silo, 1).",
    };
    private readonly Option<int?> minNodes = new("--min-nodes") { Description = "Fewest nodes that it goes on with (default: --nodes)." };
    private readonly Option<int?> maxNodes = new("--max-nodes") { Description = "Most nodes that it starts on (default: --nodes)." };
    private readonly Option<int> gpus = new(
        "--gpus-per-node",
        "--nproc-per-node")
    { Description = "Gpus on each node, with a process for each of them.", DefaultValueFactory = _ => 1 };
    private readonly Option<int?> workers = new("--workers", "-w")
    {
        Description = "Worker processes that are started here, where no silo is named (default: --max-nodes).",
    };
    private readonly Option<string> name = new("--name")
    {
        Description = "Name of the job (default: the program's).",
        DefaultValueFactory = _ => "",
    };
    private readonly PathOption workFolder = new(
        PathUse.ReadFolder,
        "--workdir")
    { Description = "Folder that every process starts in; it must be there on every node (default: the current one)." };
    private readonly PathOption bundle = new(
        PathUse.ReadFolder,
        "--bundle")
    { Description = "A folder that is frozen by hash and brought to every node; processes start in it." };
    private readonly Option<string[]> variables = new("--env")
    {
        Description = "NAME=value for every process, or NAME for its value here. Repeatable.",
    };
    private readonly Option<int> restarts = new("--restarts", "--max-restarts")
    {
        Description = "Restarts without progress between them that failures of its own may cost.",
        DefaultValueFactory = _ => 3,
    };
    private readonly Option<string> grace = new("--grace")
    {
        Description = "Time between SIGTERM and SIGKILL.",
        DefaultValueFactory = _ => "10s",
    };
    private readonly Option<string?> hang = new("--hang-timeout")
    {
        Description = "Time without output and without a touch of "
        + "$COORDINATOR_HEARTBEAT after which a process counts as hung (default: it never does)."
    };
    private readonly Option<string> lease = new("--lease")
    {
        Description = "Processes of a node are killed when its agent hears neither a silo nor a majority of the others for so long.",
        DefaultValueFactory = _ => "10s",
    };
    private readonly Option<string> alone = new("--alone")
    {
        Description = "How long the agents go on that hear each other and no silo.",
        DefaultValueFactory = _ => "10m",
    };
    private readonly Option<string> progress = new("--progress-time")
    {
        Description = "Time after which a program that tells no steps counts as having got on.",
        DefaultValueFactory = _ => "5m",
    };
    private readonly Option<int> priority = new("--priority") { Description = "Priority among jobs: the higher, the more important." };
    private readonly Option<string> deviceClass = new("--device-class")
    {
        Description = "Class that the gpus must have (default: any one, the same for all).",
        DefaultValueFactory = _ => "",
    };
    private readonly Option<bool> allRanks = new("--all-ranks")
    {
        Description = "Show what all ranks say, with the rank before each line, and not only rank 0.",
    };
    private readonly Option<bool> detach = new("--detach") { Description = "With --silo: print the job's name, and leave it running." };
    private readonly Option<OutputFormat> format = OutputOption.Create();
    private readonly PathOption runFolder = new(PathUse.Folder, "--run-dir")
    {
        Description = "Where database and logs of a run without --silo go and stay (default: a temporary directory).",
    };
    private readonly ConnectionOptions connection = new();

    /// <summary>The command.</summary>
    public static Command Create() => new RunCommand().Build();

    private Command Build()
    {
        var built = new Command(
            "run",
            "Run any command on the cluster, one process for each gpu, with torchrun's environment: coordinator run --nodes 4 "
                + "--gpus-per-node 8 -- python3 train.py\n"
            + "It promises no bits: what the program computes is its own affair. It promises that all processes run or are being made to, "
            + "and that no two generations ever do.\n"
            + "Without --silo, a silo and worker processes are started on this machine and ended with the run. The exit code is that of "
            + "the process that failed first.")
        {
            nodes, minNodes, maxNodes, gpus, workers, name, workFolder, bundle, variables, restarts, grace, hang, lease, alone, progress,
            priority, deviceClass, allRanks, detach, format, runFolder, command,
        };
        connection.AddTo(built);
        foreach (var option in new[] { grace, lease, alone, progress })
            Refuse(option);
        Refuse(hang!);
        Checks.AtLeast(gpus, 1);
        Checks.AtLeast(restarts, 0);
        built.SetAction((parsed, _) => RunAsync(parsed));
        return built;
    }

    private static void Refuse(Option<string> option) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count > 0 && !DurationText.TryParse(result.Tokens[0].Value, out _))
            result.AddError($"{option.Name} is '{result.Tokens[0].Value}', which is no duration; write one such as 10s, 5m or 500ms.");
    });

    private async Task<int> RunAsync(ParseResult parsed)
    {
        var silo = connection.FindSilo(parsed);
        if (silo is null && parsed.GetValue(detach))
        {
            throw new CommandException(
                ExitCodes.Usage,
                "--detach leaves a job with a silo that outlives this command, and none is named.",
                "Name one with --silo, or leave --detach out.");
        }
        if (silo is not null && parsed.GetValue(workers) is not null)
        {
            throw new CommandException(
                ExitCodes.Usage,
                "--workers are started by this command, and with --silo it starts none.",
                "Say with --nodes how many of the cluster's nodes to use.");
        }
        var spec = Spec(parsed, silo is not null);
        var problems = GangSpecValidator.Validate(spec);
        if (problems.Count > 0)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"{OptionOf(parsed, problems[0].Field)} is {problems[0].Value} but must be {problems[0].Rule}.",
                $"{char.ToUpperInvariant(problems[0].Remedy[0])}{problems[0].Remedy[1..]}.");
        }
        StandardStreams.NeverWait();
        using var signals = new Signals();
        try
        {
            return silo is null ? await RunHereAsync(parsed, spec, signals) : await RunThereAsync(parsed, spec, signals);
        }
        catch (OperationCanceledException) when (signals.ExitCode is { } code)
        {
            return code;
        }
    }

    /// <summary>The option that a member of the spec was given by: whoever typed --nodes has never heard of minNodes.</summary>
    private string OptionOf(ParseResult parsed, string field) => field switch
    {
        "minNodes" => IsGiven(parsed, minNodes) ? minNodes.Name
            : IsGiven(parsed, nodes) ? nodes.Name
            : IsGiven(parsed, workers) ? workers.Name : maxNodes.Name,
        "maxNodes" => IsGiven(parsed, maxNodes) ? maxNodes.Name : IsGiven(parsed, nodes) ? nodes.Name : workers.Name,
        "gpusPerNode" => gpus.Name,
        "restarts" => restarts.Name,
        "priority" => priority.Name,
        "grace" => grace.Name,
        "lease" => lease.Name,
        "alone" => alone.Name,
        "progressTime" => progress.Name,
        "hangTimeout" => hang.Name,
        "deviceClass" => deviceClass.Name,
        "workFolder" => workFolder.Name,
        "environment" => variables.Name,
        "name" when parsed.GetValue(name) is { Length: > 0 } => name.Name,
        "name" => "the program's name, which the run is called by,",
        _ => "the command",
    };

    private static bool IsGiven(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    private GangSpec Spec(ParseResult parsed, bool isThere)
    {
        var words = parsed.GetValue(command)!;
        if (words[0].Length == 0)
            throw new CommandException(ExitCodes.Usage, "The command is empty.", "Write a program and its arguments behind --.");
        if (words[0].StartsWith('-'))
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"'coordinator run' has no option '{PlainText.Line(words[0], 60)}', and a program is not called so.",
                "See 'coordinator run --help'; write a program whose name begins with a dash as a path, such as ./-x.");
        }
        var count = parsed.GetValue(nodes) ?? parsed.GetValue(maxNodes) ?? (
            isThere ? parsed.GetValue(minNodes) ?? 1 : parsed.GetValue(workers) ?? 1);
        var most = parsed.GetValue(maxNodes) ?? count;
        var path = bundle.Full(parsed);
        if (!isThere && workFolder.Full(parsed) is { } start && !Directory.Exists(start))
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"--workdir {start} is no folder.",
                "Name one that is there, or leave it out: processes then start in the current folder.");
        }
        if (path is not null && !Directory.Exists(path))
        {
            throw new CommandException(
                ExitCodes.Usage, $"--bundle {path} is no folder.", "Name a folder that holds all that the command needs.");
        }
        return new GangSpec
        {
            Name = parsed.GetValue(name) is { Length: > 0 } given ? given : Path.GetFileNameWithoutExtension(words[0]),
            Command = words,
            Environment = Variables(parsed),
            WorkFolder = path is not null ? "" : workFolder.Full(parsed) ?? Directory.GetCurrentDirectory(),
            MinNodes = parsed.GetValue(minNodes) ?? Math.Min(count, most),
            MaxNodes = most,
            GpusPerNode = parsed.GetValue(gpus),
            Restarts = parsed.GetValue(restarts),
            Grace = Duration(parsed, grace),
            HangTimeout = parsed.GetValue(hang) is null ? null : Duration(parsed, hang!),
            Lease = Duration(parsed, lease),
            Alone = Duration(parsed, alone),
            ProgressTime = Duration(parsed, progress),
            Priority = parsed.GetValue(priority),
            DeviceClass = parsed.GetValue(deviceClass)!,
        };
    }

    private SortedDictionary<string, string> Variables(ParseResult parsed)
    {
        var given = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in parsed.GetValue(variables) ?? [])
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? text : text[..equals];
            given[key] = equals >= 0 ? text[(equals + 1)..] : Environment.GetEnvironmentVariable(key)
                ?? throw new CommandException(ExitCodes.Usage, $"--env {key}: there is no such variable here.", "Write NAME=value.");
        }

        return given;
    }

    private static TimeSpan Duration(ParseResult parsed, Option<string> option) =>
        DurationText.TryParse(parsed.GetValue(option)!, out var duration) ? duration : TimeSpan.Zero;

    private async Task<int> RunHereAsync(ParseResult parsed, GangSpec spec, Signals signals)
    {
        using var directory = RunDirectory.Take(runFolder.Full(parsed), runFolder.Name);
        var isKept = true;
        try
        {
            var options = new LocalClusterOptions
            {
                Workers = parsed.GetValue(workers) ?? spec.MaxNodes,
                GpusPerWorker = spec.GpusPerNode,
                WorkerArguments = (_, _) =>
                    ["--allow-programs", .. UserMask.Users is { } mask ? ["--program-umask", mask] : Array.Empty<string>()],
            };
            await using var cluster = await LocalCluster.StartAsync(options, directory, signals.Token);
            foreach (var line in Attaching.Lines(cluster, directory))
                Console.Error.WriteLine(line);
            using var client = new CoordinatorClient(cluster.Url, SiloToken.Load(cluster.TokenFile));
            var code = await RunAsync(parsed, spec, new SiloCalls(client, cluster), signals);
            isKept = code is not ExitCodes.Success;
            return code;
        }
        finally
        {
            if (!isKept)
                directory.RemoveIfTemporary();
            else
                Console.Error.WriteLine($"logs: {directory.Path}");
        }
    }

    private async Task<int> RunThereAsync(ParseResult parsed, GangSpec spec, Signals signals)
    {
        using var client = connection.Connect(parsed);
        return await RunAsync(parsed, spec, new SiloCalls(client, cluster: null), signals);
    }

    private async Task<int> RunAsync(ParseResult parsed, GangSpec spec, SiloCalls calls, Signals signals)
    {
        if (bundle.Full(parsed) is { } folder)
            spec = spec with { Bundle = await BringAsync(calls, folder, signals.Token) };
        var job = JobIds.New(spec.Name);
        await calls.AskAsync((silo, limit) => silo.SubmitGangAsync(spec, job, limit), signals.Token);
        if (parsed.GetValue(detach))
        {
            Console.WriteLine(job);
            return ExitCodes.Success;
        }

        var isDocument = parsed.GetValue(format) is OutputFormat.Json or OutputFormat.Yaml;
        var isAll = parsed.GetValue(allRanks);
        var printer = new LogPrinter(isDocument ? Console.Error : Console.Out, Console.Error, withRanks: isAll, withTimes: false);
        printer.Say($"job {job}: {string.Join(' ', spec.Command)}; no bits are promised for what it computes");
        var run = new GangRun(calls, job, printer, view => isAll ? Enumerable.Range(0, spec.RanksOn(view.Nodes.Count)) : [0]);
        try
        {
            var view = await run.FollowAsync(signals.Token);
            Report(parsed, view, printer);
            return GangRun.CodeOf(view);
        }
        catch (OperationCanceledException) when (signals.ExitCode is { } code)
        {
            return await EndAsync(calls, job, run, printer, spec, signals, code);
        }
    }

    private void Report(ParseResult parsed, GangView view, LogPrinter printer)
    {
        printer.Say($"job {view.Id} {view.EndInWords}");
        if (parsed.GetValue(format) is OutputFormat.Json or OutputFormat.Yaml)
        {
            new Listing("Gang", JsonSerializer.SerializeToNode(view, MachinesJson.Default.GangView)!, [], [])
                .Print(Console.Out, parsed.GetValue(format));
        }
    }

    /// <summary>
    /// A signal came: the processes end in order, with the grace that they were given, and whoever asked may start them again.
    /// </summary>
    private static async Task<int> EndAsync(
        SiloCalls calls, JobId job, GangRun run, LogPrinter printer, GangSpec spec, Signals signals, int code)
    {
        printer.Say($"asked to end: the processes have {spec.Grace.TotalSeconds:0.#} s to end in order");
        using var limit = new CancellationTokenSource(spec.Grace + spec.Lease + EndLimit);
        try
        {
            await calls.AskAsync(
                async (silo, cut) =>
                {
                    await silo.CancelGangAsync(job, "the run was asked to end", cut);
                    return true;
                },
                limit.Token);
            var view = await run.FollowAsync(limit.Token);
            printer.Say($"job {job} has ended: {view.Reason}");
            return view.Phase == "finished" ? ExitCodes.Success : signals.IsInterrupt ? code : ExitCodes.Retryable;
        }
        catch (OperationCanceledException)
        {
            printer.Say("it did not end in time; what is left of it is killed with its workers, or by its agents");
            return code;
        }
        catch (CoordinatorApiException over) when (over.Status == System.Net.HttpStatusCode.Conflict)
        {
            return run.Last is { } last ? GangRun.CodeOf(last) : code;
        }
    }

    private static async Task<GangBundle> BringAsync(SiloCalls calls, string folder, CancellationToken cancel)
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete, 1 << 16);
        await using (file)
        {
            try
            {
                PackedFolder.Pack(PackedFolder.Everything(folder), file, cancel);
                await file.FlushAsync(cancel);
                file.Position = 0;
                var sha256 = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancel));
                await calls.MoveAsync(
                    async (silo, limit) =>
                    {
                        await silo.UploadDataAsync(path, sha256, limit);
                        return true;
                    },
                    cancel);
                return new GangBundle(sha256, file.Length);
            }
            catch (Exception unreadable) when (unreadable is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                throw new CommandException(
                    ExitCodes.Usage,
                    $"--bundle {folder} cannot be packed: {unreadable.Message}",
                    "Name a folder of plain files that this user may read.",
                    unreadable);
            }
            finally
            {
                File.Delete(path);
            }
        }
    }
}
