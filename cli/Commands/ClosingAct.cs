using System.Diagnostics;
using Coordinator.Disk;
using Coordinator.Planning;
using Coordinator.Planning.Pages;
using Coordinator.Planning.Simulation;
using Coordinator.Runs.Demo;
using Coordinator.Runs.Measures;
using Coordinator.Runs.View;
using static System.FormattableString;

namespace Coordinator.Cli.Commands;

/// <summary>
/// The demo's last act: what was just measured on four processes, put into ninety days of 100,000 accelerators, under three policies. A
/// simulation, and it says so; the shipping machines form a sample of generations, since all eight thousand would take minutes.
/// </summary>
internal static class ClosingAct
{
    private const string Preset = "colossus-100k";

    private const double Days = 90;

    /// <summary>Messages of a recovery for each rank, as <c>simulate recovery</c> counts them.</summary>
    private const int MessagesARank = 6;

    /// <summary>
    /// The preset with what the demo measured: how long a death takes to be seen, and how long from there to the next step, whatever the
    /// number of ranks; what grows with the ranks is taken off, since the simulation adds it for its own. Without a measurement, the
    /// preset's costs.
    /// </summary>
    public static FleetSpec Cluster(DemoReport report)
    {
        var fleet = FleetPresets.Find(Preset)!;
        if (Recoveries.Median(report.FromKill) is not { } kill || Recoveries.Median(report.FromDetection) is not { } detection)
            return fleet;
        var messages = DemoPlan.Workers * MessagesARank * fleet.Costs.HandleSeconds;
        return fleet with
        {
            Costs = fleet.Costs with
            {
                DetectSeconds = Math.Max(0.001, (kill - detection).TotalSeconds),
                FixedSeconds = Math.Max(0, detection.TotalSeconds - messages),
            },
        };
    }

    /// <summary>Simulates, writes the page beside the models, and says one line for each policy.</summary>
    public static void Play(DemoReport report, ulong seed, string directory, TextWriter output)
    {
        var clock = Stopwatch.StartNew();
        var fleet = Cluster(report);
        output.WriteLine();
        output.WriteLine(
            Invariant(
                $"And with what was just measured: {fleet.Name}, {fleet.Gpus:N0} {fleet.Accelerator} for {Days:0} days. Simulated, three policies, the same failures:"));
        var plan = ClusterPlan.Run(
            fleet, Days, seed, FleetSimulation.Policies, Enum.GetValues<SweepKind>(), isSampled: true, terminal: null);
        var file = Path.Combine(directory, $"demo-{fleet.Name}.html");
        try
        {
            using var page = new StreamWriter(UserMask.CreateUsersFile(file));
            page.Write(FleetPage.Render(plan.Reports, seed, plan.Sweeps, generations: plan.Sample));
        }
        catch (Exception cannot) when (cannot is IOException or UnauthorizedAccessException)
        {
            // The demo has shown what it promises; a page is not worth its exit code.
            file = $"cannot be written: {cannot.Message}";
        }

        output.WriteLine();
        foreach (var line in Lines(fleet, plan))
            output.WriteLine(line);
        output.WriteLine(Invariant($"{"pictures",-12} {file} ({Words.Duration(clock.Elapsed)})"));
    }

    /// <summary>A line for each policy, and one that says what was measured and what was given.</summary>
    public static IEnumerable<string> Lines(FleetSpec fleet, ClusterPlan plan)
    {
        foreach (var report in plan.Reports)
        {
            yield return Invariant(
                $"{report.Policy,-12} {report.Goodput * 100:0.0}% of the time trains, {report.DaysLate:0.0} days late, through {report.Failures:N0} failures ({report.Exactness})");
        }
        var source = fleet.Costs == FleetPresets.Find(Preset)!.Costs ? "given, since nothing recovered here" : "measured here";
        yield return Invariant(
            $"{"costs",-12} {source}: a process's death is seen after {fleet.Costs.DetectSeconds * 1000:0} ms, the next step comes {fleet.Costs.FixedSeconds * 1000:0} ms later;");
        yield return Invariant(
            $"{"",-12} given: {fleet.Ranks} ranks of {fleet.NodesPerRank} nodes, steps of {fleet.StepSeconds:0} s, failure rates, starts, bandwidths (docs/scale.md)");
        yield return Invariant(
            $"{"machines",-12} the shipping ones formed {plan.Sample} generations; {plan.Reports[0].Generations:N0} take as long as those of their sort");
    }
}
