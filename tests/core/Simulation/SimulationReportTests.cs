using Coordinator.Simulator;

namespace Coordinator.Tests.Simulation;

/// <summary>What a summary and a report say.</summary>
public sealed class SimulationReportTests
{
    [Fact]
    public void A_violation_names_the_invariant_the_seed_and_the_replay_command()
    {
        var report = ProtocolSimulation.Run(1, new SimulationOptions { Plant = PlantedBug.ModelOfEarlierStep, Faults = false });
        Assert.Equal(Invariants.FinalModel, report.Invariant);
        Assert.Equal("coordinator simulate protocol --seed 1 --trace", report.ReplayCommand);
        Assert.EndsWith($"replay: {report.ReplayCommand}", report.Render(), StringComparison.Ordinal);
        Assert.Equal(40, report.LastTrace.Count);
    }

    [Fact]
    public void A_summary_counts_faults_by_seed_and_in_all()
    {
        var reports = new List<SimulationReport>();
        var summary = ProtocolSimulation.RunMany(10, 1, progress: reports.Add);
        Assert.Equal(10, reports.Count);
        foreach (var (name, (seeds, times)) in summary.Faults)
        {
            Assert.Equal(reports.Count(report => report.Faults.ContainsKey(name)), seeds);
            Assert.Equal(reports.Sum(report => report.Faults.GetValueOrDefault(name)), times);
        }
    }
}
