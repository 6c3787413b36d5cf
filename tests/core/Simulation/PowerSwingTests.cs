using Coordinator.Simulator;

namespace Coordinator.Tests.Simulation;

/// <summary>The site's power cap is lowered and raised in mid-run: gpus are given back at the end of a step, and come again.</summary>
public sealed class PowerSwingTests
{
    [Fact]
    public void A_cap_that_is_lowered_and_raised_changes_no_bit_and_loses_no_step()
    {
        var (caps, shrunk) = (0, 0);
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var report = ProtocolSimulation.Run(seed, new SimulationOptions { Faults = false, Power = true });
            Assert.True(report.Passed, report.Render());
            Assert.Empty(report.Faults);
            caps += report.CapsLowered;
            shrunk += report.Generations >= 3 ? 1 : 0;
        }

        Assert.True(caps >= 60, $"the cap was lowered {caps} times");

        // Most of these jobs have ended before the cap is raised, or have too few ranks for their minimum and wait.
        Assert.True(shrunk >= 4, $"in {shrunk} seeds gpus left and came back");
    }

    [Fact]
    public void It_keeps_every_invariant_while_faults_strike()
    {
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var report = ProtocolSimulation.Run(seed, new SimulationOptions { Power = true });
            Assert.True(report.Passed, report.Render());
        }
    }

    [Fact]
    public void A_seed_with_power_replays_and_says_how()
    {
        var first = ProtocolSimulation.Run(7, new SimulationOptions { Power = true });
        Assert.Equal(first.TraceHash, ProtocolSimulation.Run(7, new SimulationOptions { Power = true }).TraceHash);
        Assert.Equal("coordinator simulate protocol --seed 7 --power --trace", first.ReplayCommand);
        Assert.NotEqual(first.TraceHash, ProtocolSimulation.Run(7).TraceHash);
    }
}
