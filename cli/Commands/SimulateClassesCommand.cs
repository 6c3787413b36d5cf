using System.CommandLine;
using Coordinator.Planning.Simulation;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Cli.Commands;

/// <summary>
/// <c>simulate classes</c>: several clusters as one; each job gets one class of devices, and one that wants more waits and says why.
/// </summary>
internal static class SimulateClassesCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var presets = FleetPresets.All.Where(preset => preset.Growth.Count == 0).Select(preset => preset.Name).ToArray();
        var preset = new Option<string[]>("--preset")
        {
            Description = $"Clusters to put together, two or more of {string.Join(", ", presets)}.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => ["aurora", "frontier", "colossus-100k"],
        };
        preset.AcceptOnlyFromAmong(presets);
        preset.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string[]>()?.Distinct().ToArray() is { Length: < 2 } few)
                result.AddError($"--preset is {string.Join(" ", few)}; choose two clusters or more.");
        });
        var command = new Command("classes", "Several clusters as one under the shipping machines: ranks of a job are of one device class, "
            + "and a job that wants more than a class has waits and says so.") { preset };
        command.SetAction(parsed =>
        {
            FleetSpec[] fleets = [.. parsed.GetValue(preset)!.Distinct().Select(name => FleetPresets.Find(name)!)];
            foreach (var job in MixedCluster.Run(fleets))
            {
                Console.WriteLine(
                    $"{job.Name,-16} wants {job.Wanted,4} ranks of {(job.Named.Length == 0 ? "any class" : job.Named),-16} {job.Phase,-8} "
                        + $"{job.Ranks,4} ranks; has gpus of {(job.Classes.Count == 0 ? "no class" : string.Join(" and ", job.Classes))}");
                if (job.Shortage.Length > 0)
                    Console.WriteLine($"{"",-16} {job.Shortage}");
            }

            Console.WriteLine(
                "Each of the cluster's gpus stands here for a rank's nodes "
                    + $"({string.Join(", ", fleets.Select(fleet => $"{fleet.Name}: {fleet.NodesPerRank} nodes of {fleet.GpusPerNode}"))}); "
                    + "the cluster's and the jobs' machines are the shipping ones.");
            return ExitCodes.Success;
        });
        return command;
    }
}
