using Coordinator.Simulator;
using Coordinator.Simulator.Faults;

namespace Coordinator.Tests.Simulation;

/// <summary>What a summary and a report say.</summary>
public sealed class SimulationReportTests
{
    [Fact]
    public void A_violation_names_the_invariant_the_seed_and_the_replay_command()
    {
        var report = ProtocolSimulation.Run(1, new SimulationOptions { Plant = PlantedBug.ModelOfEarlierStep, Faults = false });
        Assert.Equal(Invariants.FinalModel, report.Invariant);
        Assert.Equal("coordinator simulate protocol --seed 1 --bug ModelOfEarlierStep --trace", report.ReplayCommand);
        Assert.EndsWith($"replay: {report.ReplayCommand}", report.Render(), StringComparison.Ordinal);
        Assert.Equal(40, report.LastTrace.Count);
    }

    [Fact]
    public void A_summary_counts_faults_by_seed_and_in_all()
    {
        var reports = new List<SimulationReport>();
        var summary = ProtocolSimulation.RunMany(10, 1, progress: reports.Add);
        Assert.Equal(10, reports.Count);
        foreach (var fault in FaultTable.Faults)
        {
            Assert.Equal(reports.Count(report => report.Faults.Keys.Any(key => key.Fault == fault)), summary.Faults.SeedsOf(fault));
            Assert.Equal(
                reports.Sum(report => report.Faults.Where(pair => pair.Key.Fault == fault).Sum(pair => pair.Value)),
                summary.Faults.TimesOf(fault));
        }

        Assert.Equal(reports.Min(report => report.Faults.Values.Sum()), summary.FewestFaults);
    }

    [Fact]
    public void A_summary_names_the_cells_in_which_no_fault_has_struck()
    {
        var none = ProtocolSimulation.RunMany(1, options: new SimulationOptions { Faults = false });
        Assert.Equal(FaultTable.PossibleCells, none.Faults.EmptyCells.Count);
        var some = ProtocolSimulation.RunMany(20);
        var struck = 0;
        ProtocolSimulation.RunMany(20, progress: report => struck += report.Faults.Count);
        Assert.InRange(some.Faults.EmptyCells.Count, FaultTable.PossibleCells - struck, FaultTable.PossibleCells - 1);
    }
}
