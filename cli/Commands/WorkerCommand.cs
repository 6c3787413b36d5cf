using System.CommandLine;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Coordinator.Cli.Paths;
using Coordinator.Cli.Workers;
using Coordinator.Disk;
using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Jobs;
using Coordinator.Runs.Outcomes;
using Coordinator.Runs.Paths;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;
using Coordinator.Worker;
using Coordinator.Worker.Agent;
using Coordinator.Worker.Checkpoints;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Faults;
using Coordinator.Worker.Gangs;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Processes;
using Coordinator.Worker.Programs;
using Coordinator.Worker.Telemetry;

namespace Coordinator.Cli.Commands;

/// <summary><c>worker</c>: the process that computes, one on each node.</summary>
public sealed class WorkerCommand
{
    private static readonly TimeSpan EndGrace = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan WarmUpLimit = TimeSpan.FromSeconds(5);

    /// <summary>A worker that ends with its host should not wait long for a silo that ends with it.</summary>
    private static readonly TimeSpan SilentSilo = TimeSpan.FromSeconds(5);

    private readonly Option<string[]> silos = new("--silo")
    {
        Description = $"Address of the silo; those of a cluster once each, or with commas between them (else ${ConnectionVariables.Silo}).",
    };
    private readonly PathOption token = new(PathUse.Read, "--token-file")
    {
        Description = $"File with the silo's token (else ${ConnectionVariables.TokenFile}).",
    };
    private readonly Option<Uri?> proxy = ProxyOption.Create();
    private readonly Option<string> node = new("--node")
    {
        Description = "Name of this node; a second worker of the same name is refused while the first is heard.",
        DefaultValueFactory = _ => Environment.MachineName.ToLowerInvariant(),
    };
    private readonly Option<bool> replace = new("--replace")
    {
        Description = "Take the place of the worker that has this node's name, "
        + "though it is heard; that one ends. For a person, not for a unit that is started again by itself."
    };
    private readonly Option<string[]> labels = LabelOption.Create(
        "A label of this node, such as rack=r12, by which operators name many nodes at once. Repeatable.");
    private readonly Option<int> gpus = new("--gpus") { Description = "Ranks on each device, 1 or more.", DefaultValueFactory = _ => 1 };
    private readonly PathOption directory = new(PathUse.Folder, "--data-dir")
    {
        Description = "Folder for frozen data (default: a folder of the user's cache).",
    };
    private readonly PathOption checkpoints = new(PathUse.Folder, "--checkpoint-dir")
    {
        Description = "Folder for checkpoints, on a file system that all workers of a job share (default: none, and nothing is saved).",
    };
    private readonly Option<IPEndPoint> listen = new("--data-address")
    {
        Description = "ADDRESS:PORT where other workers reach this one; loopback unless told otherwise, port 0 for any free one.",
        DefaultValueFactory = _ => new IPEndPoint(IPAddress.Loopback, 0),
        CustomParser = result =>
        {
            if (IPEndPoint.TryParse(result.Tokens[0].Value, out var endpoint))
                return endpoint;
            result.AddError($"'{result.Tokens[0].Value}' is no address; write an IP address and a port, such as 10.0.0.7:7071.");
            return null;
        },
    };
    private readonly Option<string?> advertised = new("--data-host")
    {
        Description = "Host name or address that other workers are told, where it differs from --data-address.",
    };
    private readonly Option<VectorWidth> width = new("--vector-width")
    {
        Description = "auto, plain, w128, w256 or w512. w128, w256 and w512 give the same bits; plain, for reading along, gives others.",
        DefaultValueFactory = _ => VectorWidth.Auto,
    };
    private readonly DeviceOptionSet devices = new();
    private readonly Option<FaultPlan> faults = new(FaultRule.Option)
    {
        Description = "A fault to suffer, for demonstrations and tests, such as kill@collective:37. Repeatable.",
        Arity = ArgumentArity.ZeroOrMore,
        CustomParser = result =>
        {
            try
            {
                return FaultPlan.Parse(result.Tokens.Select(rule => rule.Value));
            }
            catch (FormatException wrong)
            {
                result.AddError(wrong.Message);
                return null;
            }
        },
    };
    private readonly ProgramOptionSet foreign = new();
    private readonly Option<bool> pipe = ParentOption.Create();

    /// <summary>The command.</summary>
    public static Command Create() => new WorkerCommand().Build();

    private Command Build()
    {
        var command = new Command(
            "worker", "Run a worker: the process that computes, one on each node. SIGTERM lets its jobs go on without it first.")
        {
            silos, token, proxy, node, labels, replace, gpus, directory, checkpoints, listen, advertised, width, faults, pipe,
        };
        devices.AddTo(command);
        foreign.AddTo(command);
        node.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is { } name && NodeNames.Problem(name) is { } problem)
                result.AddError($"'{name}' cannot be --node: {problem}.");
        });
        Checks.AtLeast(gpus, 1);
        command.SetAction((parsed, _) => RunAsync(parsed));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        if (VectorWidths.WhyUnsupported(parsed.GetValue(width)) is { } reason)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"Vector width {parsed.GetValue(width)} cannot run here: {reason}.",
                "Leave --vector-width out for the widest that this machine has.");
        }
        DataAddressCheck.RefuseImpossible(parsed.GetValue(listen)!, parsed.GetValue(advertised));
        StandardStreams.NeverWait();

        // Before anything that takes long: what is sent to a whole process group must not end a child that is only starting.
        var isChild = parsed.GetValue(pipe);
        using var signals = new Signals(isChild);
        using var chosen = devices.Choose(parsed, parsed.GetValue(gpus), parsed.GetValue(width));
        using var abort = new CancellationTokenSource();

        // A parent that closes the pipe, or is gone, has no use for farewells.
        if (isChild)
            ParentPipe.Watch(EndGrace, abort.Cancel);
        var log = new ConsoleLog(parsed.GetValue(node)!);
        var addresses = Silos(parsed);
        var secret = ConnectionOptions.ReadToken(token.Full(parsed));
        await DataAddressCheck.RefuseLoopbackToOthersAsync(parsed.GetValue(listen)!, parsed.GetValue(advertised), addresses);
        using var http = SiloHttp.Create(parsed.GetValue(proxy));
        var files = new SiloFiles(addresses, secret, http);
        using var client = new CoordinatorClient(
            string.Join(',', addresses.Select(silo => silo.GetLeftPart(UriPartial.Authority))), secret, parsed.GetValue(proxy));
        var store = directory.Folder(parsed) ?? FolderPath.Make(directory.Name, DefaultDirectory());
        var bootNumber = NextBoot(store, parsed.GetValue(node)!);
        var policy = foreign.Policy(parsed);
        var programFolder = Path.Combine(store, "programs");
        using var launcher = new ProgramLauncher(policy, $"{parsed.GetValue(node)} {Path.GetFullPath(programFolder)}", bootNumber, log);
        var folders = new ProgramFolders(programFolder, policy);
        using var programs = new WorkerPrograms(
            new DataStore(store, files.FetchDataAsync),
            new CpuDeviceOptions { Width = parsed.GetValue(width) },
            chosen.Devices,
            chosen.Backends)
        {
            Silos = files,
            Log = log,
            Launcher = launcher,
            Folders = folders,
        };
        await programs.WarmUpAsync(WarmUpLimit);
        using var telemetry = OpenTelemetry(chosen.Devices, log);
        var services = new WorkerServices(programs, new SiloModelSink(files, WorkerPrograms.Layout, store), log)
        {
            Http = http,
            Checkpoints = checkpoints.Folder(parsed) is { } folder ? OpenCheckpoints(folder) : null,
            Telemetry = telemetry,
            Gangs = new GangServices(launcher, folders)
            {
                FetchBundle = (bundle, to, cancel) => files.FetchDataAsync(bundle.Sha256, to, cancel),
            },
            SaveState = job => SaveAsync(client, job),
        };
        try
        {
            await NodeAgent.RunAsync(
                Options(parsed, addresses, secret, chosen) with { Boot = bootNumber }, services, signals.Token, abort.Token);
        }
        catch (WorkerEndedException ended)
        {
            if (ended.DisplacedBy is { } boot)
                BootNumber.NoteAtLeast(store, parsed.GetValue(node)!, boot);
            throw new CommandException(ended.DisplacedBy is null ? ExitCodes.Usage : ExitCodes.RunFailed, ended.Message, ended.Remedy);
        }
        catch (SocketException taken)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"The worker cannot listen on {parsed.GetValue(listen)}: {taken.Message}",
                "Choose another --data-address; port 0 takes a free one.");
        }

        return signals.ExitCode ?? ExitCodes.Success;
    }

    private WorkerOptions Options(ParseResult parsed, IReadOnlyList<Uri> addresses, string secret, ChosenDevices chosen) => new()
    {
        Node = new NodeId(parsed.GetValue(node)!),
        Silos = addresses,
        Token = secret,
        Gpus = chosen.Devices,
        DataListen = parsed.GetValue(listen)!,
        DataHost = parsed.GetValue(advertised),
        Faults = parsed.GetValue(faults) ?? FaultPlan.None,
        Replace = parsed.GetValue(replace),
        Labels = NodeLabels.Parse(parsed.GetValue(labels) ?? []),
        Connected = silo => Console.WriteLine($"ready {silo}"),
    };

    private static async Task<string?> SaveAsync(CoordinatorClient client, JobId job)
    {
        try
        {
            var remains = await new FinalCheckpoint(new SiloCalls(client, cluster: null) { Patience = SilentSilo }, job)
                .SaveAsync("a worker that may hold the only state was asked to end");
            return remains.Saved is not null || remains.Trouble.Length == 0 ? null : remains.Trouble;
        }
        catch (Exception away) when (away is CommandException or CoordinatorApiException)
        {
            return away.Message;
        }
    }

    private static NvmlTelemetry? OpenTelemetry(IReadOnlyList<DeviceDescription> devices, ConsoleLog log)
    {
        if (devices.All(device => device.PciBusId.Length == 0))
            return null;
        var telemetry = NvmlTelemetry.TryOpen(out var why);
        if (telemetry is null)
            log.Info($"no telemetry of the gpus: {why}");
        return telemetry;
    }

    private static CheckpointFolder OpenCheckpoints(string path)
    {
        try
        {
            var opened = new CheckpointFolder(path);
            if (PrivateFiles.WhyOpen(opened.Path) is { } open)
                Console.Error.WriteLine($"warning: {open}; what this worker makes in it is closed all the same");
            return opened;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"The worker cannot use {path}: {refused.Message}",
                "Name a folder that can be written with --checkpoint-dir.");
        }
    }

    private static long NextBoot(string store, string node)
    {
        using var self = Process.GetCurrentProcess();
        try
        {
            return BootNumber.Next(store, node, self.StartTime);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"The worker cannot write to {store}: {refused.Message}",
                "Name a folder that can be written with --data-dir.");
        }
    }

    /// <summary>The user's folder of data; it is made, so a user without a home is told what to name instead.</summary>
    private string DefaultDirectory()
    {
        try
        {
            var data = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create);
            return Path.Combine(data, "coordinator", "data");
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"This user has no home folder that can be written: {refused.Message}",
                $"Name a folder that can be written with {directory.Name}.");
        }
    }

    private IReadOnlyList<Uri> Silos(ParseResult parsed)
    {
        var given = parsed.GetValue(silos) is { Length: > 0 } named ? named
            : Environment.GetEnvironmentVariable(ConnectionVariables.Silo) is { Length: > 0 } variable ? [variable]
            : throw new CommandException(
                ExitCodes.Usage, "No silo is named.", $"Give --silo http://HOST:PORT or set {ConnectionVariables.Silo}.");
        return [.. given.SelectMany(text => text.Split(',', StringSplitOptions.TrimEntries)).Select(text => ConnectionOptions.IsUrl(text)
            ? new Uri(text)
            : throw new CommandException(
                ExitCodes.Usage, $"'{PlainText.Address(text)}' is no address of a silo.", "Write http://HOST:PORT."))];
    }
}
