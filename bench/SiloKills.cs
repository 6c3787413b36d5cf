using System.CommandLine;
using Coordinator.Runs.Measures;

namespace Coordinator.Bench;

/// <summary>
/// What the death of silos does to a job: one silo killed again and again, then all but one at once, then all at once, while workers that
/// nobody touches train; against the same job left alone while silos that it has nothing to do with die instead. Measured for each blow,
/// from the SIGKILL on:
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
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new BenchCommand(
            "silo-kills", "what killing one silo, several and all does to a job: failover time, step times, hash");
        var read = SiloKillsOptions.AddTo(command);
        return command.Runs(parsed =>
        {
            var options = read(parsed);
            return async stop =>
            {
                var report = await SiloKillsRun.RunAsync(options, BenchCommand.Text(parsed), stop);
                Console.WriteLine(report.ToTable());
                return report.Good;
            };
        });
    }
}
