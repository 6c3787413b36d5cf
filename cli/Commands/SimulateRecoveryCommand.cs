using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Coordinator.Planning.Simulation;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Cli.Commands;

/// <summary><c>simulate recovery</c>: what a generation costs against the number of ranks.</summary>
internal static class SimulateRecoveryCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var ranks = new Option<int[]>("--ranks")
        {
            Description = "Numbers of ranks, 2 to 1048576; 100,000 take half a minute, a million five.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [1_000, 10_000],
        };
        ranks.Validators.Add(result =>
        {
            foreach (var wrong in result.GetValueOrDefault<int[]>()?.Where(count => count is < 2 or > 1 << 20) ?? [])
                result.AddError($"--ranks is {wrong}; choose 2 to 1048576.");
        });
        var command = new Command("recovery", "Messages, bytes and time of a start, of a rank's loss and of its return, counted from the "
            + "shipping machines, against the number of ranks.") { ranks };
        command.SetAction(parsed =>
        {
            Console.WriteLine($"{"ranks",9}  {"generation",-14} {"messages",12} {"a rank",8} {"bytes",18} {"a rank",12}  "
                + $"{"most of them",-34} {"virtual s",10}");
            foreach (var count in parsed.GetValue(ranks)!)
            {
                var clock = Stopwatch.StartNew();
                foreach (var cost in RecoveryCurve.At(count))
                {
                    Console.WriteLine(string.Create(
                        CultureInfo.InvariantCulture,
                        $"{count,9}  {cost.What,-14} {cost.Messages,12:N0} {(double)cost.Messages / count,8:0.0} {cost.Bytes,18:N0} "
                            + $"{(double)cost.Bytes / count,12:N0}  {cost.LargestKind + $" {100 * cost.LargestBytes / cost.Bytes}%",-34} "
                            + $"{cost.Seconds,10:0.00}"));
                }

                Console.WriteLine(
                    string.Create(CultureInfo.InvariantCulture, $"{"",9}  all three computed in {clock.Elapsed.TotalSeconds:0.0} s"));
            }

            return ExitCodes.Success;
        });
        return command;
    }
}
