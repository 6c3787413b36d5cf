using System.CommandLine;

namespace Coordinator.Bench;

/// <summary>
/// From a SIGKILL to the next step that all ranks of the new generation have applied: a silo and workers as processes of this machine,
/// a seeded worker killed at a seeded moment again and again, each time after the generation was whole and running again.
/// Both ends of the interval are read from the machine's wall clock: this process's at the kill, the silo's when the last rank's
/// word of its first step arrived there. No polling is between them.
/// </summary>
internal static class Recovery
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand("recovery", "time from a SIGKILL to the next step applied on all ranks, over many kills");
        var read = RecoveryOptions.AddTo(command);
        return command.Runs(parsed =>
        {
            var options = read(parsed);
            return async stop =>
            {
                var report = await RecoveryRun.RunAsync(options, BenchCommand.Text(parsed), stop);
                Console.WriteLine(options.Json ? report.ToJson() : report.ToTable());
                return report.Good;
            };
        });
    }
}

/// <summary>What was to be measured did not happen.</summary>
internal sealed class RecoveryFailedException(string message) : Exception(message);
