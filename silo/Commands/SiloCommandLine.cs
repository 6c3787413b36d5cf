using System.CommandLine;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;
using Coordinator.Silo.Hosting;
using Coordinator.Silo.Storage;

namespace Coordinator.Silo.Commands;

/// <summary>The command line of the Orleans silo's program. Exit codes are those of <c>coordinator</c>: 0, 2 for usage, 128 + signal.</summary>
public static class SiloCommandLine
{
    private const int RunFailed = 1;
    private const int Usage = 2;
    private static readonly Option<bool> Debug = new("--debug") { Description = "Where a command fails, also print the failure's stack trace.", Recursive = true };
    private static readonly TimeSpan EndGrace = TimeSpan.FromSeconds(8);

    /// <summary>Parses and runs.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        var parsed = Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
                Console.Error.WriteLine($"error: {error.Message}");
            Console.Error.WriteLine("Run with --help for the options.");
            return Usage;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (Exception failed)
        {
            if (parsed.GetValue(Debug))
                Console.Error.WriteLine(failed);
            var (message, remedy) = FailureText.Describe(failed);
            Console.Error.WriteLine($"error: {message}");
            Console.Error.WriteLine(remedy);
            return RunFailed;
        }
    }

    /// <summary>'@FILE' is a connection string's file here, not a file of further arguments.</summary>
    internal static ParseResult Parse(string[] args) => Create().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });

    private static RootCommand Create()
    {
        var directory = new Option<string>("--data-dir") { Description = "Folder of token, data sets and models; created where missing. The silos of a cluster share one.", Required = true };
        var url = new Option<string>("--url") { Description = "Where workers and API clients connect: http:// or https://, an address and a port (0: any free one).", DefaultValueFactory = _ => "http://127.0.0.1:7070" };
        var name = new Option<string>("--name") { Description = "Name of the silo.", DefaultValueFactory = _ => $"silo-{Environment.MachineName.ToLowerInvariant()}" };
        var token = new Option<string?>("--token-file") { Description = "File of the token that workers and clients need; drawn where missing (default: token in the data directory)." };
        var pipe = new Option<bool>("--parent-pipe") { Description = "End when standard input ends: whoever started this process is gone.", Hidden = true };
        var advertised = new Option<string>("--advertise") { Description = "IP address under which the other silos reach this one, or this host's name.", DefaultValueFactory = _ => "127.0.0.1" };
        var siloPort = new Option<int>("--silo-port") { Description = "Port for the other silos.", DefaultValueFactory = _ => 11111 };
        var dashboard = new Option<string>("--dashboard") { Description = "Whether /orleans serves the Orleans dashboard: on or off.", DefaultValueFactory = _ => "on" };
        dashboard.AcceptOnlyFromAmong("on", "off");
        foreach (var path in (Option[])[directory, token])
        {
            path.Validators.Add(result =>
            {
                if (result.Tokens.Any(text => text.Value.Length == 0))
                    result.AddError($"{path.Name} is empty; name a path.");
            });
        }

        var policy = new Option<string?>("--gpu-policy") { Description = "File that says what is done about GPU errors; docs/gpu-health.policy is what holds without it. The same on every silo." };
        var cluster = ClusterOptionSet.Create();
        var root = new RootCommand("Run an Orleans silo of the coordinator: grains, workers' gateway and API. Several on one PostgreSQL database are a cluster; without --database one runs alone on SQLite.")
        {
            directory, url, name, token, pipe, advertised, siloPort, dashboard, policy, cluster.Database, cluster.Cluster, cluster.GatewayPort, Debug,
        };
        foreach (var command in OperatorCommands.Create())
            root.Add(command);
        root.SetAction(parsed => ServeAsync(
            parsed.GetValue(pipe),
            () => new SiloSettings
            {
                DataDirectory = Path.GetFullPath(parsed.GetValue(directory)!),
                Url = parsed.GetValue(url)!,
                Name = parsed.GetValue(name)!,
                TokenFile = parsed.GetValue(token) is { } file ? Path.GetFullPath(file) : null,
                Database = cluster.ReadDatabase(parsed),
                Cluster = parsed.GetValue(cluster.Cluster)!,
                Advertised = AdvertisedAddress.Parse(parsed.GetValue(advertised)!),
                SiloPort = parsed.GetValue(siloPort),
                GatewayPort = parsed.GetValue(cluster.GatewayPort),
                Machines = GpuPolicyFile.Read(parsed.GetValue(policy)),
                Dashboard = parsed.GetValue(dashboard) == "on",
            }));
        return root;
    }

    private static async Task<int> ServeAsync(bool isChild, Func<SiloSettings> read)
    {
        StandardStreams.NeverWait();
        using var signals = new Signals(isChild);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(signals.Token);
        if (isChild)
            ParentPipe.Watch(EndGrace, end.Cancel);
        try
        {
            using var loggers = SiloLogging.ToStandardError();
            await using var silo = await OrleansSilo.StartAsync(read(), loggers, end.Token);
            Console.WriteLine($"ready {silo.Url}");
            await Task.Delay(Timeout.Infinite, end.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        }
        catch (Exception refused) when (refused is StoreLockedException or StoreSchemaException or StoreUnusableException or PortInUseException or FormatException or InvalidDataException or StoreUnreachableException or OlderSilosException)
        {
            // Each of these messages ends with what to do.
            Console.Error.WriteLine($"error: {refused.Message}");
            return Usage;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"error: the silo cannot start: {FailureText.OneLine(refused.Message)}");
            Console.Error.WriteLine("Name a folder that can be written with --data-dir, and a token file that can be read with --token-file.");
            return Usage;
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // Asked to end while it was starting.
        }

        return signals.ExitCode ?? 0;
    }
}
