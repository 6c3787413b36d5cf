using Coordinator.Simulator.Gangs;

namespace Coordinator.Tests.Simulation;

/// <summary>Gangs in virtual time: a few seeds here, ten thousand by <c>coordinator simulate gangs --seeds 10000</c>.</summary>
public sealed class GangSimulationTests
{
    [Fact]
    public void Every_invariant_holds_in_the_first_seeds()
    {
        var failed = Enumerable.Range(1, 30).Select(seed => GangSimulation.Run((ulong)seed)).Where(report => !report.Passed)
            .Select(report => report.Render());

        Assert.Empty(failed);
    }

    [Fact]
    public void A_seed_is_the_same_life_again()
    {
        var (first, second) = (GangSimulation.Run(5), GangSimulation.Run(5));

        Assert.Equal((first.TraceHash, first.Events, first.VirtualTime), (second.TraceHash, second.Events, second.VirtualTime));
    }

    [Theory]
    [InlineData(GangBug.LeaseIgnored, GangInvariants.OneGeneration, 400)]
    [InlineData(GangBug.AnswersTheExcluded, GangInvariants.OneGeneration, 400)]
    [InlineData(GangBug.NoWatcher, GangInvariants.NoOrphan, 20)]
    [InlineData(GangBug.StoppedWhenAsked, GangInvariants.OneGeneration, 100)]
    [InlineData(GangBug.DrainsForgotten, GangInvariants.DrainIsDurable, 60)]
    public void A_planted_bug_is_caught_by_its_invariant(GangBug bug, string invariant, int seeds)
    {
        var caught = Enumerable.Range(1, seeds).Select(seed => GangSimulation.Run((ulong)seed, bug))
            .FirstOrDefault(report => !report.Passed);

        Assert.Equal(invariant, caught?.Invariant);
    }
}
