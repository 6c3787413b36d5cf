using Coordinator.Cli.Commands;
using Coordinator.Planning;
using Coordinator.Planning.Pages;
using Coordinator.Planning.Simulation;
using Coordinator.Runs.Demo;
using static Coordinator.Planning.Simulation.GoodputLedger;

namespace Coordinator.Tests.Planning;

/// <summary>The page of a plan, and what the demo says with it.</summary>
public sealed class FleetPageTests
{
    private static readonly FleetSpec Small = new()
    {
        Name = "a <small> one",
        Nodes = 64,
        NodesPerRank = 2,
        Spares = 1,
        StepSeconds = 5,
        StateBytes = 1e11,
        Shared = [new("rack", 8, 20, 3)],
        Causes = [new("gpu & memory", 30, Remedy.Replace, 24), new("software", 10, Remedy.Restart)],
    };

    private static readonly ClusterPlan Plan = ClusterPlan.Run(
        Small, 10, 3, FleetSimulation.Policies, Enum.GetValues<SweepKind>(), isSampled: true, terminal: null);

    [Fact]
    public void A_page_has_a_waterfall_for_each_policy_a_curve_for_each_sweep_and_the_worst_hour_and_needs_nothing_else()
    {
        var page = FleetPage.Render(Plan.Reports, 3, Plan.Sweeps, generations: Plan.Sample);
        Assert.Equal(3 + 4 + 1, page.Split("<svg ").Length - 1);
        Assert.All(
            ["accelerators", "minutes between failures", "spare nodes", "minutes between checkpoints"],
            axis => Assert.Contains($"<h2>Goodput against {axis}</h2>", page, StringComparison.Ordinal));
        Assert.All(
            ["<script", "http", "url(", "src=", "<small>", "NaN", "Infinity"],
            wrong => Assert.DoesNotContain(wrong, page, StringComparison.Ordinal));
        Assert.Contains("gpu &amp; memory", page, StringComparison.Ordinal);
        Assert.Contains($"formed {Plan.Sample} generations", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_hour_that_is_drawn_is_the_one_with_most_failures_or_the_one_that_was_asked_for()
    {
        var strikes = Plan.Reports[0].Strikes;
        var worst = HourPicture.Worst(Plan.Reports[0]);
        Assert.Equal(
            strikes.GroupBy(strike => (int)(strike.At / 3600)).Max(hour => hour.Count()), Rows(FleetPage.Render(Plan.Reports, 3, [])));
        Assert.True(Rows(FleetPage.Render(Plan.Reports, 3, [])) > 1);
        Assert.Contains(
            $"<h2>Hour {worst}: day {worst / 24}, from {worst % 24}:00, the one",
            FleetPage.Render(Plan.Reports, 3, []),
            StringComparison.Ordinal);
        var quiet = Enumerable.Range(0, 240).First(hour => strikes.All(strike => (int)(strike.At / 3600) != hour));
        Assert.Contains("Nothing failed in this hour.", FleetPage.Render(Plan.Reports, 3, [], quiet), StringComparison.Ordinal);

        static int Rows(string page) => page.Split("<tr><td>").Length - 1;
    }

    [Fact]
    public void More_nodes_and_more_failures_cost_goodput_and_spares_bring_it_and_the_middle_is_the_cluster_itself()
    {
        double[] Of(SweepKind kind, int policy) =>
            [.. Plan.Sweeps.Single(sweep => sweep.Kind == kind).Points.Select(point => point.Reports[policy].Goodput)];
        for (var policy = 0; policy < 3; policy++)
        {
            Assert.True(Of(SweepKind.Size, policy)[0] > Of(SweepKind.Size, policy)[^1]);
            Assert.True(Of(SweepKind.Mtbf, policy)[0] < Of(SweepKind.Mtbf, policy)[^1]);
            Assert.True(Of(SweepKind.Spares, policy)[0] < Of(SweepKind.Spares, policy)[^1]);
            Assert.Equal(Plan.Reports[policy].Goodput, Of(SweepKind.Mtbf, policy)[2]);
        }

        Assert.Equal(Enumerable.Range(1, 4), Plan.Sweeps.Select(
            sweep => sweep.Points.Zip(sweep.Points.Skip(1)).All(pair => pair.First.X < pair.Second.X) ? (int)sweep.Kind + 1 : 0));
    }

    [Fact]
    public void The_demos_closing_act_takes_the_costs_that_the_demo_measured_and_says_which()
    {
        var run = new DemoRun("model", "0", TimeSpan.FromSeconds(1), 0, 0);
        var measured = new DemoReport
        {
            Disturbed = run,
            Undisturbed = run,
            Steps = 1,
            Deaths = [],
            FromKill = [TimeSpan.FromMilliseconds(130)],
            FromDetection = [TimeSpan.FromMilliseconds(90)],
            Engine = "orleans",
        };
        var fleet = ClosingAct.Cluster(measured);
        Assert.Equal(0.040, fleet.Costs.DetectSeconds, 1e-9);

        // Less the four ranks' messages, which the simulation counts itself.
        Assert.Equal(0.090 - (24 * fleet.Costs.HandleSeconds), fleet.Costs.FixedSeconds, 1e-9);
        Assert.Equal(FleetPresets.Find("colossus-100k")!.Costs, ClosingAct.Cluster(measured with { FromKill = [] }).Costs);
        var lines = ClosingAct.Lines(fleet, Plan).ToArray();
        Assert.StartsWith("coordinator  ", lines[0], StringComparison.Ordinal);
        Assert.Contains("a process's death is seen after 40 ms, the next step comes 89 ms later", lines[3], StringComparison.Ordinal);
        Assert.Contains($"formed {Plan.Sample} generations", lines[5], StringComparison.Ordinal);
    }

    [Fact]
    public void Programs_get_the_points_of_sweeps_after_the_policies()
    {
        var rows = FleetPrinter.Csv(Plan.Reports, Plan.Sweeps).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(1 + 3 + (3 * Plan.Sweeps.Sum(sweep => sweep.Points.Count)), rows.Length);
        Assert.All(rows, row => Assert.Equal(rows[0].Count(c => c == ','), row.Count(c => c == ',')));
        Assert.EndsWith(",,", rows[1], StringComparison.Ordinal);
        Assert.Equal(4, rows.Skip(4).Select(row => row.Split(',')[^2]).Distinct().Count());
        Assert.Equal(rows.Length - 1, FleetPrinter.Json(Plan.Reports, Plan.Sweeps).Count);
        Assert.Equal(Plan.Reports[0].Ledger.Share(Loss.Productive), (double)FleetPrinter.Json(Plan.Reports, [])[0]!["goodput"]!);
    }
}
