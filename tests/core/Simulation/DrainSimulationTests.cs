using Coordinator.Simulator;
using Coordinator.Simulator.Faults;

namespace Coordinator.Tests.Simulation;

/// <summary>Operators drain nodes and gpus in mid-run and give them back, for training jobs and for gangs.</summary>
public sealed class DrainSimulationTests
{
    private static readonly string[] Acts = ["DrainNode", "DrainGpu", "Uncordon"];

    [Fact]
    public void What_is_drained_where_nothing_fails_is_left_soon_and_costs_no_bit_and_no_step()
    {
        var done = 0;
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var report = ProtocolSimulation.Run(seed, new SimulationOptions { Faults = false, Drains = true });
            Assert.True(report.Passed, report.Render());
            Assert.Equal(0, report.FaultsStruck);
            done += report.Faults.Values.Sum();
        }

        Assert.True(done >= 120, $"operators did {done} things");
    }

    [Fact]
    public void It_keeps_every_invariant_while_faults_strike()
    {
        var summary = ProtocolSimulation.RunMany(80, options: new SimulationOptions { Drains = true });
        Assert.True(summary.Passed, string.Join(Environment.NewLine, summary.Violations.Select(violation => violation.Render())));
        Assert.All(Acts, act => Assert.True(summary.Faults.TimesOf(act) > 80 / 2, act));
        Assert.True(summary.FewestFaults >= FaultInjector.MinFaults);
    }

    /// <summary>Seeds that found bugs of drains, since corrected.</summary>
    [Theory]
    [InlineData(25)] // An offer was under way when the gpu was drained: a rank came to it after the drain was done.
    [InlineData(586)] // A job that was over passed over the offers of a cluster that did not know so, and never said it.
    [InlineData(1780)] // A parked job did not go on with the only other gpu, since that had failed in the step before.
    [InlineData(3363)] // The state lay on a gpu that was excluded, and drained before it came back: the job failed.
    [InlineData(4422)] // A gpu that had left with the state was given back and drained again, and was the job's no more.
    [InlineData(5728)] // A device failed while the job waited; the drained gpu with the only state was told to forget it.
    public void A_seed_that_once_found_a_bug_of_drains_keeps_every_invariant(ulong seed)
    {
        var report = ProtocolSimulation.Run(seed, new SimulationOptions { Drains = true });
        Assert.True(report.Passed, report.Render());
    }

    [Fact]
    public void A_seed_with_drains_replays_and_says_how()
    {
        var first = ProtocolSimulation.Run(7, new SimulationOptions { Drains = true });
        Assert.Equal(first.TraceHash, ProtocolSimulation.Run(7, new SimulationOptions { Drains = true }).TraceHash);
        Assert.Equal("coordinator simulate protocol --seed 7 --drains --trace", first.ReplayCommand);
        Assert.NotEqual(first.TraceHash, ProtocolSimulation.Run(7).TraceHash);
    }
}
