using System.Security.Cryptography;
using System.Text;
using Coordinator.Planning;
using Coordinator.Planning.Pages;
using Coordinator.Planning.Simulation;
using static Coordinator.Planning.Simulation.GoodputLedger;

namespace Coordinator.Tests.Planning;

public sealed class FleetSimulationTests
{
    private static readonly FleetSpec Small = new()
    {
        Name = "small",
        Nodes = 64,
        NodesPerRank = 2,
        Spares = 1,
        StepSeconds = 5,
        StateBytes = 1e11,
        Causes = [.. FailureRates.Llama3.Select(cause => cause with { PerThousandNodeDays = 20 * cause.PerThousandNodeDays })],
    };

    [Theory]
    [InlineData("coordinator")]
    [InlineData("restart")]
    [InlineData("drop")]
    public void Every_second_of_every_rank_is_booked_to_one_cause(string policy)
    {
        var report = FleetSimulation.Run(Small, 10, 3, policy);
        Assert.True(report.Failures > 30, $"{report.Failures} failures");

        // What was under way when the time was over may end a little later.
        Assert.InRange(report.Ledger.Total / Small.Ranks, 10 * 86_400 - 1e-3, (10 * 86_400) + 120);
        Assert.All(Enum.GetValues<Loss>(), kind => Assert.True(report.Ledger.Of(kind) >= -1e-6, $"{kind}: {report.Ledger.Of(kind)}"));
        Assert.Equal(policy == "restart", report.Ledger.Of(Loss.CheckpointRestore) > 0);
        Assert.Equal(
            report.Steps * Small.StepSeconds * Small.Ranks, report.Ledger.Of(Loss.Productive), report.Ledger.Of(Loss.Productive) * 1e-3);
    }

    [Fact]
    public void The_same_seed_gives_the_same_report_byte_for_byte_and_on_every_machine()
    {
        var reports = FleetSimulation.Policies.Select(policy => FleetSimulation.Run(Small, 3, 7, policy)).ToArray();
        var text = FleetPrinter.Csv(reports, []);
        var again = FleetSimulation.Policies.Select(policy => FleetSimulation.Run(Small, 3, 7, policy)).ToArray();
        Assert.Equal(text, FleetPrinter.Csv(again, []));
        Assert.Equal(FleetPage.Render(reports, 7, Sweeps()), FleetPage.Render(again, 7, Sweeps()));
        Assert.NotEqual(text, FleetPrinter.Csv([FleetSimulation.Run(Small, 3, 8, "restart")], []));

        static IReadOnlyList<FleetSweep> Sweeps() =>
            FleetSweep.Run(Small, 3, 7, FleetSimulation.Policies, [SweepKind.Size, SweepKind.Spares], 60);

        // Changes with the model of the cluster; if nothing of that was meant to change, a machine computes differently.
        Assert.Equal("1c5f9dbcc57a58ef", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16]);
    }

    [Fact]
    public void The_shipping_machine_forms_a_generation_for_each_loss_and_each_return_and_no_step_is_computed_again()
    {
        var report = FleetSimulation.Run(Small, 10, 3, "coordinator");
        Assert.InRange(report.Generations, report.Failures + 1, (2 * report.Failures) + 1);
        Assert.Equal(0, report.StepsAgain);
        Assert.InRange(report.Recovery(0.5), 1, 20);
    }

    [Fact]
    public void Without_failures_everything_but_the_start_and_the_checkpoints_is_productive()
    {
        var report = FleetSimulation.Run(Small with { Causes = [] }, 2, 1, "coordinator");
        Assert.Equal(0, report.Failures);
        Assert.Equal(1, report.Generations);
        Assert.InRange(report.Goodput, 0.999, 1);
    }

    [Fact]
    public void Nodes_that_fail_together_take_all_of_their_ranks_and_the_spares_do_not_suffice()
    {
        var together = Small with { Causes = [new FailureCause("switch", 20, Remedy.Replace, 10, Nodes: 8)] };
        var report = FleetSimulation.Run(together, 10, 5, "coordinator");
        Assert.True(report.Failures > 5);
        Assert.True(report.MostInRepair >= 8, $"{report.MostInRepair} in repair");
        Assert.True(report.Ledger.Share(
            Loss.MissingRanks) > FleetSimulation.Run(together with { Spares = 32 }, 10, 5, "coordinator").Ledger.Share(Loss.MissingRanks));
    }

    [Theory]
    [InlineData("coordinator")]
    [InlineData("restart")]
    [InlineData("drop")]
    public void The_timeline_has_no_gaps_and_tells_the_same_as_the_ledger(string policy)
    {
        var report = FleetSimulation.Run(Small, 10, 3, policy);
        var at = 0.0;
        foreach (var stretch in report.Timeline)
        {
            Assert.Equal(at, stretch.From);
            at = stretch.To;
        }

        // Its training has the copies for checkpoints in it, and what the rest of an interrupted step takes longer.
        var training = report.Timeline.Where(stretch => stretch.Doing == Loss.Productive).Sum(
            stretch => (stretch.To - stretch.From) * stretch.Ranks / Small.Ranks);
        Assert.InRange(training / at, report.Goodput - 1e-3, report.Goodput + 8e-3);
        Assert.Equal(policy != "coordinator", report.Timeline.Any(stretch => stretch.Doing == Loss.WastedProgress));
    }

    [Fact]
    public void A_sample_of_generations_stands_for_all_of_them()
    {
        // A silo so slow that what a generation takes is most of a recovery.
        var slow = Small with { Costs = new RecoveryCosts { HandleSeconds = 0.02, NodeDetectSeconds = 0.1 } };
        var (every, sampled) = (
            FleetSimulation.Run(slow, 10, 3, "coordinator"),
            FleetSimulation.Run(slow, 10, 3, "coordinator", sampled: GenerationTable.Of(slow)));
        Assert.Equal(every.Generations, sampled.Generations);
        Assert.Equal(every.Goodput, sampled.Goodput, 1e-3);
        Assert.Equal(
            every.Ledger.Share(Loss.InfrastructureRecovery),
            sampled.Ledger.Share(Loss.InfrastructureRecovery),
            0.1 * every.Ledger.Share(Loss.InfrastructureRecovery));
    }

    [Fact]
    public void All_policies_meet_the_same_failures()
    {
        var trace = FailureTrace.Draw(Small.Causes, Small.Nodes, 10, 3);
        Assert.Equal(trace, FailureTrace.Draw(Small.Causes, Small.Nodes, 10, 3));
        Assert.NotEqual(trace, FailureTrace.Draw(Small.Causes, Small.Nodes, 10, 4));
        Assert.Equal(trace.Order(Comparer<Failure>.Create((a, b) => a.At.CompareTo(b.At))), trace);
        Assert.All(trace, failure => Assert.InRange(failure.FirstNode, 0, Small.Nodes - 1));
    }
}
