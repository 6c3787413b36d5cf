using Coordinator.Simulator;

namespace Coordinator.Tests.Simulation;

/// <summary>The checkers, checked: each bug planted in the simulated hosts is caught, by the invariant that it breaks and within the stated number of seeds.</summary>
public sealed class PlantedBugTests
{
    [Theory]
    [InlineData(PlantedBug.SendBeforePersist, Invariants.PersistBeforeSend, 5)]
    [InlineData(PlantedBug.UnsyncedPersist, Invariants.WritesAscend, 80)]
    [InlineData(PlantedBug.StaleContribution, Invariants.SumOfOneGeneration, 20)]
    [InlineData(PlantedBug.OlderGenerationContribution, Invariants.SumOfOneGeneration, 20)]
    [InlineData(PlantedBug.FlippedContribution, Invariants.ReducedIsSerial, 5)]
    [InlineData(PlantedBug.StateOfTwoSteps, Invariants.StateIsSerial, 20)]
    [InlineData(PlantedBug.StepRecordedTwice, Invariants.RecordedOnce, 40)]
    [InlineData(PlantedBug.StepNotRecorded, Invariants.RecordedOnce, 5)]
    [InlineData(PlantedBug.ComputeWithoutPlan, Invariants.PlanIsAuthority, 5)]
    [InlineData(PlantedBug.PromiseBroken, Invariants.PromiseKept, 20)]
    [InlineData(PlantedBug.AppliedEarly, Invariants.WholeBeforeApply, 5)]
    [InlineData(PlantedBug.ReducedOverwrittenEarly, Invariants.AnswerIsTrue, 40)]
    [InlineData(PlantedBug.SumInOrderOfArrival, Invariants.ReducedIsSerial, 5)]
    [InlineData(PlantedBug.ModelOfEarlierStep, Invariants.FinalModel, 5)]
    public void A_planted_bug_is_caught_by_its_invariant(PlantedBug bug, string invariant, int seeds)
    {
        var options = new SimulationOptions { Plant = bug };
        var caught = Enumerable.Range(1, seeds).Select(seed => ProtocolSimulation.Run((ulong)seed, options)).FirstOrDefault(report => report.Invariant == invariant);
        Assert.True(caught is not null, $"{bug} was not caught by {invariant} in {seeds} seeds");
        Assert.NotEmpty(caught.LastTrace);
    }

    [Theory]
    [InlineData(PlantedBug.AppliedEarly, Invariants.WholeBeforeApply)]
    [InlineData(PlantedBug.ModelOfEarlierStep, Invariants.FinalModel)]
    [InlineData(PlantedBug.ComputeWithoutPlan, Invariants.PlanIsAuthority)]
    public void Without_its_checker_a_planted_bug_goes_unnoticed(PlantedBug bug, string invariant)
    {
        var options = new SimulationOptions { Plant = bug, Faults = false, WithoutChecks = new SortedSet<string>(StringComparer.Ordinal) { invariant } };
        for (ulong seed = 1; seed <= 5; seed++)
        {
            var report = ProtocolSimulation.Run(seed, options);
            Assert.True(report.Passed, report.Render());
        }
    }
}
