using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;
using Coordinator.Worker.Data;

namespace Coordinator.Bench;

/// <summary>What benches that start processes have in common: usage, Ctrl-C, and which failures are told in a line.</summary>
internal static class BenchEntry
{
    /// <summary>Parses, runs, and says what went wrong.</summary>
    /// <param name="usage">Said after what cannot be parsed.</param>
    /// <param name="parse">What the arguments ask for, to be run until it is cancelled; true where all that it checks holds. Throws <see cref="FormatException"/> for wrong arguments.</param>
    /// <returns>0, 1 where a check or the run failed, 2 for wrong arguments, 130 after Ctrl-C.</returns>
    public static int Run(string usage, Func<Func<CancellationToken, Task<bool>>> parse)
    {
        Func<CancellationToken, Task<bool>> run;
        try
        {
            run = parse();
        }
        catch (Exception wrong) when (wrong is FormatException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(wrong.Message);
            Console.Error.WriteLine($"usage: {usage}");
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
            return run(stop.Token).GetAwaiter().GetResult() ? 0 : 1;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Console.Error.WriteLine("stopped; all processes of the bench have ended");
            return 130;
        }
        catch (CommandException wrong)
        {
            Console.Error.WriteLine(wrong.Remedy is { } remedy ? $"{wrong.Message}\n{remedy}" : wrong.Message);
            return wrong.ExitCode;
        }
        catch (Exception failed) when (failed is ClusterException or CoordinatorApiException or DataException or RecoveryFailedException)
        {
            Console.Error.WriteLine(failed.Message);
            return 1;
        }
    }
}
