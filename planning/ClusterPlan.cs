using Coordinator.Planning.Simulation;
using Spectre.Console;

namespace Coordinator.Planning;

/// <summary>A cluster under each policy, and sweeps around it.</summary>
/// <param name="Reports">In the order of the policies.</param>
/// <param name="Sweeps">In the order in which they were asked for.</param>
/// <param name="Sample">How many generations the machines formed for a table that stands for all of them; null: all.</param>
internal sealed record ClusterPlan(IReadOnlyList<FleetReport> Reports, IReadOnlyList<FleetSweep> Sweeps, int? Sample)
{
    /// <summary>Runs all of it, with a bar for each policy and one for the sweeps on the terminal, if there is one.</summary>
    /// <param name="fleet">The cluster.</param>
    /// <param name="days">Simulated days.</param>
    /// <param name="seed">Seed of the failures.</param>
    /// <param name="policies">Names of the policies.</param>
    /// <param name="kinds">What to sweep.</param>
    /// <param name="isSampled">Whether a sample of generations stands for all of them.</param>
    /// <param name="terminal">Where bars are drawn; null: nowhere.</param>
    public static ClusterPlan Run(
        FleetSpec fleet,
        double days,
        ulong seed,
        IReadOnlyList<string> policies,
        IReadOnlyList<SweepKind> kinds,
        bool isSampled,
        IAnsiConsole? terminal)
    {
        if (terminal is null)
            return Run(fleet, days, seed, policies, kinds, isSampled, (_, _) => _ => { });
        return terminal.Progress().AutoClear(true).Start(bars => Run(fleet, days, seed, policies, kinds, isSampled, (name, most) =>
        {
            var bar = bars.AddTask(Markup.Escape($"{fleet.Name}, {name}"), maxValue: most);
            return value => bar.Value = value;
        }));
    }

    private static ClusterPlan Run(
        FleetSpec fleet,
        double days,
        ulong seed,
        IReadOnlyList<string> policies,
        IReadOnlyList<SweepKind> kinds,
        bool isSampled,
        Func<string, double, Action<double>> bar)
    {
        var sample = isSampled && policies.Contains("coordinator") ? GenerationTable.Of(fleet) : null;
        List<FleetReport> reports = [];
        foreach (var policy in policies)
        {
            var told = bar($"{policy}, days", days);
            reports.Add(FleetSimulation.Run(fleet, days, seed, policy, told, policy == "coordinator" ? sample : null));
            told(days);
        }

        if (kinds.Count == 0)
            return new ClusterPlan(reports, [], sample?.Formed);

        // What a restart goes back to decides what an interval costs; without that policy, the first one's.
        var interval = (reports.FirstOrDefault(report => report.Policy == "restart") ?? reports[0]).CheckpointInterval;
        return new ClusterPlan(reports, FleetSweep.Run(fleet, days, seed, policies, kinds, interval, bar("sweeps", 1)), sample?.Formed);
    }
}
