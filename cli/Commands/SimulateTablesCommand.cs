using System.CommandLine;
using Coordinator.Planning.Simulation;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Cli.Commands;

/// <summary><c>simulate tables</c>: published records beside what comes out here.</summary>
internal static class SimulateTablesCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var seed = new Option<ulong>("--seed") { Description = "Seed of the draws.", DefaultValueFactory = _ => 1 };
        var command = new Command("tables", "Check the planning simulator against published records: calibrated ones, predicted ones, and "
            + "those that do not close.") { seed };
        command.SetAction(parsed =>
        {
            var checks = ExternalChecks.All(parsed.GetValue(seed));
            foreach (var table in checks.GroupBy(check => check.Table))
            {
                foreach (var check in table)
                {
                    Console.WriteLine($"{check.Table}  {check.What}");
                    Console.WriteLine($"   {check.Inputs}");
                    Console.WriteLine(
                        $"   published {check.Expected}; here {check.Obtained}; {check.Kind.ToString().ToLowerInvariant()}; "
                            + $"{check.Closes switch { true => "closes", false => "DOES NOT CLOSE", null => "no figure to meet" }} "
                            + $"({check.Remark})");
                }
            }

            Console.WriteLine($"{checks.Count(check => check.Closes == true)} of {checks.Count(check => check.Closes is not null)} close");
            return ExitCodes.Success;
        });
        return command;
    }
}
