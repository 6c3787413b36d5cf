using Coordinator.Simulator;

namespace Coordinator.Tests.Simulation;

/// <summary>Programs as devices in the simulator: slow starts, hangs, deaths, disagreements, and programs of another make.</summary>
public sealed class ProgramFaultTests
{
    private const int Seeds = 40;

    [Fact]
    public void With_programs_that_start_slowly_hang_die_and_lie_every_job_ends_with_the_serial_model()
    {
        var (failed, refused) = (0, 0);
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            var report = ProtocolSimulation.Run(seed, new SimulationOptions { Programs = true });
            Assert.True(report.Passed, report.Render());
            (failed, refused) = (failed + report.ProgramsFailed, refused + report.ProgramsRefused);
        }

        Assert.True(failed >= Seeds, $"only {failed} programs failed in {Seeds} seeds");
        Assert.True(refused > 0, $"no program was of another make in {Seeds} seeds");
    }

    [Fact]
    public void Without_them_seeds_are_what_they_were_and_with_them_a_seed_is_replayed_by_its_number()
    {
        var with = ProtocolSimulation.Run(3, new SimulationOptions { Programs = true });

        Assert.Equal(with.TraceHash, ProtocolSimulation.Run(3, new SimulationOptions { Programs = true }).TraceHash);
        Assert.NotEqual(with.TraceHash, ProtocolSimulation.Run(3, new SimulationOptions()).TraceHash);
        Assert.EndsWith(" --programs --trace", with.ReplayCommand, StringComparison.Ordinal);
    }
}
