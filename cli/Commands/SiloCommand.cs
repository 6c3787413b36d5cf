using System.CommandLine;
using System.Diagnostics;
using Coordinator.Cli.Paths;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;
using Coordinator.Silo;
using Coordinator.Silo.Hosting;
using Coordinator.Silo.Storage;

namespace Coordinator.Cli.Commands;

/// <summary><c>silo</c>: the process that hosts the grains, alone on SQLite or as one of a cluster on PostgreSQL.</summary>
public sealed class SiloCommand
{
    private static readonly TimeSpan EndGrace = TimeSpan.FromSeconds(8);

    // Longer than a silo needs to notice, by its pipe, that its parent is gone, and to end, on a machine that has much to do.
    private static readonly TimeSpan PredecessorPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PredecessorPause = TimeSpan.FromMilliseconds(500);

    private readonly PathOption directory = new(PathUse.Folder, "--data-dir")
    {
        Description = "Folder of database, token, data sets and models; created where missing. The silos of a cluster share one.",
        Required = true,
    };
    private readonly Option<string> url = new("--url")
    {
        Description = "Where workers and API clients connect: http:// or https://, an address and a port (0: any free one).",
        DefaultValueFactory = _ => "http://127.0.0.1:7070",
    };

    private readonly Option<string> name = new("--name")
    {
        Description = "Name of the silo.",
        DefaultValueFactory = _ => $"silo-{Environment.MachineName.ToLowerInvariant()}",
    };
    private readonly PathOption token = new(PathUse.ReadOrMake, "--token-file")
    {
        Description = "File of the token that workers and clients need; drawn where missing (default: token in the data directory).",
    };
    private readonly PathOption policy = new(PathUse.Read, "--gpu-policy")
    {
        Description =
        "File that says what is done about GPU errors; docs/gpu-health.policy is what holds without it. The same on every silo."
    };
    private readonly Option<bool> pipe = ParentOption.Create();
    private readonly ClusterOptionSet cluster = ClusterOptionSet.Create();
    private readonly Option<string> advertised = new("--advertise")
    {
        Description = "With --database: IP address under which the other silos reach this one, or this host's name.",
        DefaultValueFactory = _ => "127.0.0.1",
    };
    private readonly Option<int> siloPort = new("--silo-port")
    {
        Description = "With --database: port for the other silos.",
        DefaultValueFactory = _ => 11111,
    };
    private readonly Option<int> gatewayPort = new("--gateway-port")
    {
        Description = "With --database: port for Orleans clients, such as 'coordinator silos'.",
        DefaultValueFactory = _ => 30000,
    };
    private readonly Option<string> dashboard = new("--dashboard")
    {
        Description = "Whether /orleans serves the Orleans dashboard: on or off.",
        DefaultValueFactory = _ => "on",
    };

    private SiloCommand()
    {
        dashboard.AcceptOnlyFromAmong("on", "off");
        foreach (var port in (Option<int>[])[siloPort, gatewayPort])
            Checks.InRange(port, 1, ushort.MaxValue);
    }

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var options = new SiloCommand();
        var command = new Command("silo", "Run a silo: the process that hosts the jobs' grains. Without --database it is alone, on SQLite; "
            + "with it, one of a cluster. Killed at any moment and started again, it goes on.")
        {
            options.directory, options.url, options.name, options.token, options.policy, options.pipe, options.cluster.Database,
            options.cluster.Cluster,
            options.advertised, options.siloPort, options.gatewayPort, options.dashboard,
        };
        command.Validators.Add(parsed =>
        {
            if (parsed.GetValue(options.cluster.Database) is null
                && ((Option[])[options.cluster.Cluster, options.advertised, options.siloPort, options.gatewayPort]).FirstOrDefault(
                    option => parsed.GetResult(option) is { Implicit: false }) is { } other)
            {
                parsed.AddError(
                    $"{other.Name} is for a silo of a cluster: name the cluster's database with --database, or leave {other.Name} out.");
            }
        });
        command.SetAction((parsed, _) => options.RunAsync(parsed));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed)
    {
        StandardStreams.NeverWait();
        var isChild = parsed.GetValue(pipe);
        using var signals = new Signals(isChild);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(signals.Token);
        if (isChild)
            ParentPipe.Watch(EndGrace, end.Cancel);
        try
        {
            var settings = Settings(parsed);
            await using var silo = await StartAsync(settings, isChild ? PredecessorPatience : TimeSpan.Zero, end.Token);
            var listen = ListenAddress.Parse(settings.Url);
            var everywhere = $" (it listens on all addresses of this host: {listen.ListeningAt(new Uri(silo.Url).Port)})";
            Console.WriteLine($"ready {silo.Url}{(listen.IsAny ? everywhere : "")}");
            await Task.Delay(Timeout.Infinite, end.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // Asked to end while it was starting.
        }

        return signals.ExitCode ?? ExitCodes.Success;
    }

    private SiloSettings Settings(ParseResult parsed)
    {
        try
        {
            return new SiloSettings
            {
                DataDirectory = directory.Folder(parsed)!,
                Url = parsed.GetValue(url)!,
                Name = parsed.GetValue(name)!,
                TokenFile = token.Full(parsed),
                Database = cluster.ReadDatabase(parsed),
                Cluster = parsed.GetValue(cluster.Cluster)!,
                Advertised = AdvertisedAddress.Parse(parsed.GetValue(advertised)!),
                SiloPort = parsed.GetValue(siloPort),
                GatewayPort = parsed.GetValue(gatewayPort),
                Machines = GpuPolicyFile.Read(policy.Full(parsed)),
                Dashboard = parsed.GetValue(dashboard) == "on",
            };
        }
        catch (Exception wrong) when (wrong is InvalidDataException or FormatException)
        {
            // Each of these messages ends with what to do.
            throw new CommandException(ExitCodes.Usage, wrong.Message, null, wrong);
        }
    }

    /// <summary>
    /// A run that is started again right after it was killed finds the silo of the run before in its place for a moment: folder and port
    /// are free when that one has noticed.
    /// </summary>
    private static async Task<OrleansSilo> StartAsync(SiloSettings settings, TimeSpan patience, CancellationToken cancel)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(PredecessorPause, cancel))
        {
            try
            {
                return await StartOnceAsync(settings, cancel);
            }
            catch (CommandException refused) when (
                refused.InnerException is StoreLockedException or PortInUseException && clock.Elapsed < patience)
            {
                continue;
            }
        }
    }

    private static async Task<OrleansSilo> StartOnceAsync(SiloSettings settings, CancellationToken cancel)
    {
        try
        {
            return await OrleansSilo.StartAsync(settings, SiloLogging.ToStandardError(), cancel);
        }
        catch (Exception refused) when (refused is StoreLockedException or StoreSchemaException or StoreUnusableException
            or PortInUseException or FormatException or InvalidDataException
            or StoreUnreachableException or OlderSilosException)
        {
            // Each of these messages ends with what to do.
            throw new CommandException(ExitCodes.Usage, refused.Message, null, refused);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"The silo cannot start in {settings.DataDirectory}: {refused.Message}",
                "Name a folder that can be written with --data-dir.");
        }
    }
}
