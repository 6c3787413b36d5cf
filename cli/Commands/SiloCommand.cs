using System.CommandLine;
using System.Diagnostics;
using Coordinator.Cli.Output;
using Coordinator.Cli.Paths;
using Coordinator.Cli.Silo;
using Coordinator.Machines;
using Coordinator.Server.Api;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;

namespace Coordinator.Cli.Commands;

/// <summary><c>silo</c>: the process that hosts the grains.</summary>
public static class SiloCommand
{
    private static readonly TimeSpan EndGrace = TimeSpan.FromSeconds(2);

    // Longer than a silo needs to notice, by its pipe, that its parent is gone, and to end, on a machine that has much to do.
    private static readonly TimeSpan PredecessorPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PredecessorPause = TimeSpan.FromMilliseconds(500);

    /// <summary>The command.</summary>
    public static Command Create()
    {
        var directory = new PathOption(PathUse.Folder, "--data-dir") { Description = "Folder of database, token, data sets and models; created where missing.", Required = true };
        var url = new Option<string>("--url")
        {
            Description = "Where to listen: http:// or https://, an address and a port (0: any free one).",
            DefaultValueFactory = _ => "http://127.0.0.1:7070",
        };
        var name = new Option<string>("--name") { Description = "Name of the silo.", DefaultValueFactory = _ => $"silo-{Environment.MachineName.ToLowerInvariant()}" };
        var token = new PathOption(PathUse.ReadOrMake, "--token-file") { Description = "File of the token that workers and clients need; drawn where missing (default: token in the data directory)." };
        var policy = new PathOption(PathUse.Read, "--gpu-policy") { Description = "File that says what is done about GPU errors; docs/gpu-health.policy is what holds without it. The same on every silo." };
        var pipe = ParentOption.Create();
        var command = new Command("silo", "Run a silo: the process that hosts the jobs' grains. Killed at any moment and started again on the same folder, it goes on.")
        {
            directory, url, name, token, policy, pipe,
        };
        command.SetAction(async (parsed, _) =>
        {
            StandardStreams.NeverWait();
            var isChild = parsed.GetValue(pipe);
            using var signals = new Signals(isChild);
            using var end = CancellationTokenSource.CreateLinkedTokenSource(signals.Token);
            if (isChild)
                ParentPipe.Watch(EndGrace, end.Cancel);
            var settings = Settings(policy.Full(parsed));
            var silo = await StartAsync(
            new EmbeddedSiloOptions
            {
                DataDirectory = directory.Folder(parsed)!,
                Url = parsed.GetValue(url)!,
                Name = parsed.GetValue(name)!,
                TokenFile = token.Full(parsed),
                MachineFactory = (grain, stored) => MachineFactory.Create(grain, stored, settings),
                ValidateJob = JobProblem.Of,
                Loggers = SiloLogging.ToStandardError(),
            },
            isChild ? PredecessorPatience : TimeSpan.Zero);
            await using (silo)
            {
                Console.WriteLine($"ready {silo.Url}");
                await Task.Delay(Timeout.Infinite, end.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            }

            return signals.ExitCode ?? ExitCodes.Success;
        });
        return command;
    }

    private static MachineSettings Settings(string? policy)
    {
        try
        {
            return GpuPolicyFile.Read(policy);
        }
        catch (InvalidDataException wrong)
        {
            throw new CommandException(ExitCodes.Usage, wrong.Message, null);
        }
    }

    /// <summary>
    /// A run that is started again right after it was killed finds the silo of the run before in its place for a moment: folder and port
    /// are free when that one has noticed.
    /// </summary>
    private static async Task<EmbeddedSilo> StartAsync(EmbeddedSiloOptions options, TimeSpan patience)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(PredecessorPause))
        {
            try
            {
                return await StartOnceAsync(options);
            }
            catch (CommandException refused) when (refused.InnerException is StoreLockedException or PortInUseException && clock.Elapsed < patience)
            {
                continue;
            }
        }
    }

    private static async Task<EmbeddedSilo> StartOnceAsync(EmbeddedSiloOptions options)
    {
        try
        {
            return await EmbeddedSilo.StartAsync(options);
        }
        catch (Exception refused) when (refused is StoreLockedException or StoreSchemaException or StoreUnusableException or PortInUseException or FormatException or InvalidDataException)
        {
            // Each of these messages ends with what to do.
            throw new CommandException(ExitCodes.Usage, refused.Message, null, refused);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCodes.Usage, $"The silo cannot start in {options.DataDirectory}: {refused.Message}", "Name a folder that can be written with --data-dir.");
        }
    }
}
