using Coordinator.Cli.Local;
using Coordinator.Server.Client;
using Coordinator.Worker.Data;

namespace Coordinator.Bench;

/// <summary>
/// From a SIGKILL to the next step that all ranks of the new generation have applied: a silo and workers as processes of this machine,
/// a seeded worker killed at a seeded moment again and again, each time after the generation was whole and running again.
/// Both ends of the interval are read from the machine's wall clock: this process's at the kill, the silo's when the last rank's
/// word of its first step arrived there. No polling is between them.
/// </summary>
internal static class Recovery
{
    public static int Run(string[] args)
    {
        RecoveryOptions options;
        try
        {
            options = RecoveryOptions.Parse(args);
        }
        catch (FormatException wrong)
        {
            Console.Error.WriteLine(wrong.Message);
            Console.Error.WriteLine($"usage: {RecoveryOptions.Usage}");
            return 2;
        }

        using CancellationTokenSource stop = new();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            stop.Cancel();
        };
        try
        {
            RecoveryReport report = RecoveryRun.RunAsync(options, $"bench recovery {string.Join(' ', args)}".TrimEnd(), stop.Token).GetAwaiter().GetResult();
            Console.WriteLine(options.Json ? report.ToJson() : report.ToTable());
            return report.Good ? 0 : 1;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Console.Error.WriteLine("stopped; all processes of the bench have ended");
            return 130;
        }
        catch (Exception failed) when (failed is ClusterException or CoordinatorApiException or DataException or RecoveryFailedException)
        {
            Console.Error.WriteLine(failed.Message);
            return 1;
        }
    }
}

/// <summary>What was to be measured did not happen.</summary>
internal sealed class RecoveryFailedException(string message) : Exception(message);
