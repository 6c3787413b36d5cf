using Coordinator.Simulator;

namespace Coordinator.Tests.Simulation;

/// <summary>
/// An operator gives the job more steps, at any moment of its life or after its end: the model is that of the steps that it has then.
/// </summary>
public sealed class MoreStepsTests
{
    [Fact]
    public void A_job_that_is_given_more_steps_ends_with_the_undisturbed_model_of_all_of_them()
    {
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var report = ProtocolSimulation.Run(seed, new SimulationOptions { Faults = false, MoreSteps = true });
            Assert.True(report.Passed && report.StepsRaised, report.Render());
            Assert.Empty(report.Faults);
        }
    }

    /// <summary>
    /// Among these seeds: an event that outlives its refused write, a job that finished first, and one whose only checkpoint is damaged
    /// then.
    /// </summary>
    [Fact]
    public void It_keeps_every_invariant_while_faults_strike()
    {
        for (ulong seed = 51; seed <= 110; seed++)
        {
            var report = ProtocolSimulation.Run(seed, new SimulationOptions { MoreSteps = true });
            Assert.True(report.Passed, report.Render());
        }
    }

    [Fact]
    public void A_seed_with_more_steps_replays_and_says_how()
    {
        var first = ProtocolSimulation.Run(8, new SimulationOptions { MoreSteps = true });
        Assert.Equal(first.TraceHash, ProtocolSimulation.Run(8, new SimulationOptions { MoreSteps = true }).TraceHash);
        Assert.Equal("coordinator simulate protocol --seed 8 --more-steps --trace", first.ReplayCommand);
        Assert.NotEqual(first.TraceHash, ProtocolSimulation.Run(8).TraceHash);
    }
}
