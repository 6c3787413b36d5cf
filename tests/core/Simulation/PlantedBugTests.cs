using Coordinator.Simulator;

namespace Coordinator.Tests.Simulation;

/// <summary>
/// The checkers, checked: each bug planted in the simulated hosts is caught, by the invariant that it breaks and within the stated number
/// of seeds.
/// </summary>
public sealed class PlantedBugTests
{
    public static TheoryData<PlantedBug> Bugs => [.. PlantedBugs.All.Select(expected => expected.Bug)];

    [Theory]
    [MemberData(nameof(Bugs))]
    public void A_planted_bug_is_caught_by_its_invariant_and_by_nothing_once_its_checkers_are_off(PlantedBug bug)
    {
        var caught = PlantedBugs.Hunt(bug);
        Assert.True(caught.Caught is not null, $"{caught.Render()}; expected {caught.Expected.Invariant}");
        Assert.NotEmpty(caught.Caught.LastTrace);
        var unnoticed = PlantedBugs.HuntWithout(bug, PlantedBugs.CheckersOf(bug), caught.Seeds);
        Assert.True(unnoticed.Caught is null, unnoticed.Caught?.Render());
    }

    /// <summary>One bug each of the storage, the membership, the evidence, the plan and the numbers.</summary>
    [Theory]
    [InlineData(PlantedBug.OwnWriteTakenForConflict)]
    [InlineData(PlantedBug.DeltaAppliedTwice)]
    [InlineData(PlantedBug.AccusationKept)]
    [InlineData(PlantedBug.RecutInInterruptedStep)]
    [InlineData(PlantedBug.ModelOfEarlierStep)]
    public void A_bug_is_caught_by_its_own_checker_alone(PlantedBug bug) => Assert.Empty(PlantedBugs.Of(bug).Backstops);

    [Fact]
    public void A_state_fed_from_two_steps_is_seen_by_comparing_ranks_where_nothing_compares_with_the_serial_run()
    {
        var options = new SimulationOptions
        {
            Plant = PlantedBug.StateOfTwoSteps,
            WithoutChecks = new SortedSet<string>(StringComparer.Ordinal) { Invariants.StateIsSerial },
        };
        Assert.Contains(
            Enumerable.Range(1, 20).Select(seed => ProtocolSimulation.Run((ulong)seed, options).Invariant),
            invariant => invariant == Invariants.EqualStates);
    }

    [Fact]
    public void Every_planted_bug_has_an_invariant_but_the_one_that_only_transcripts_can_show()
    {
        var missing = Enum.GetValues<PlantedBug>().Except(PlantedBugs.All.Select(expected => expected.Bug));
        Assert.Equal([PlantedBug.None, PlantedBug.WriteOverAnother], missing);
    }
}
