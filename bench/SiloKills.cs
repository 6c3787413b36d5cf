using Coordinator.Cli.Commands;
using Coordinator.Cli.Demo;
using Coordinator.Cli.Local;
using Coordinator.Server.Client;
using Coordinator.Worker.Data;

namespace Coordinator.Bench;

/// <summary>
/// What the death of silos does to a job: one silo killed again and again, then all but one at once, then all at once, while workers that
/// nobody touches train; against the same job left alone while silos that it has nothing to do with die instead. Measured for each blow, from the SIGKILL on:
/// <list type="bullet">
/// <item>loaded: until the job's grain was loaded again, if it lived on a silo that died;</item>
/// <item>recorded: until the first step that was applied after the kill was recorded;</item>
/// <item>welcomed: until the last of the workers that were connected to a silo that died was welcomed by one, by its own word.</item>
/// </list>
/// The failover time is the longest of the three. The first two are read off the silos' clocks, the third off this process's, all of one
/// machine; when a step was applied is rebuilt from step times (<see cref="Failovers"/>). Workers report steps four times a second, so even
/// without a kill it takes some time from any moment to a record; that is printed beside it.
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
