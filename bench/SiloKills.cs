using Coordinator.Cli.Commands;
using Coordinator.Cli.Local;
using Coordinator.Server.Client;
using Coordinator.Worker.Data;

namespace Coordinator.Bench;

/// <summary>
/// What the death of silos does to a job: one silo killed again and again, then all but one at once, then all at once, while workers that
/// nobody touches train; against the same job left alone. A kill's failover time runs from the SIGKILL until steps that were applied
/// after it are recorded, both by this machine's clock; without a kill, reports come every quarter of a second.
/// </summary>
internal static class SiloKills
{
    public static int Run(string[] args)
    {
        SiloKillsOptions options;
        try
        {
            options = SiloKillsOptions.Parse(args);
        }
        catch (FormatException wrong)
        {
            Console.Error.WriteLine(wrong.Message);
            Console.Error.WriteLine($"usage: {SiloKillsOptions.Usage}");
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
            SiloKillsReport report = SiloKillsRun.RunAsync(options, $"bench silo-kills {string.Join(' ', args)}".TrimEnd(), stop.Token).GetAwaiter().GetResult();
            Console.WriteLine(report.ToTable());
            return report.Good ? 0 : 1;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Console.Error.WriteLine("stopped; all processes of the bench have ended");
            return 130;
        }
        catch (CommandException wrong)
        {
            Console.Error.WriteLine(wrong.Message);
            return wrong.ExitCode;
        }
        catch (Exception failed) when (failed is ClusterException or CoordinatorApiException or DataException or RecoveryFailedException)
        {
            Console.Error.WriteLine(failed.Message);
            return 1;
        }
    }
}
