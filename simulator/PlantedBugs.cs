using System.Globalization;

namespace Coordinator.Simulator;

/// <summary>What catches a planted bug.</summary>
/// <param name="Bug">The bug.</param>
/// <param name="Invariant">The invariant that must be the first to fail, in one of the seeds.</param>
/// <param name="Seeds">Within how many seeds, from <paramref name="First"/> on.</param>
/// <param name="Backstops">Invariants that see the bug's consequences later. With these and the first not checked, nothing notices
/// it.</param>
/// <param name="First">The first seed. In some worlds a bug has further consequences than its own, such as a job that never ends; those
/// tell nothing of its checker.</param>
public sealed record BugExpectation(PlantedBug Bug, string Invariant, int Seeds, IReadOnlyList<string> Backstops, int First = 1);

/// <summary>What came of looking for a planted bug.</summary>
/// <param name="Expected">What should catch it.</param>
/// <param name="Seeds">Seeds that were run.</param>
/// <param name="Caught">The seed in which the expected invariant failed first; without its checkers any in which something failed.</param>
public sealed record BugHunt(BugExpectation Expected, int Seeds, SimulationReport? Caught)
{
    /// <summary>One line for people.</summary>
    public string Render() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Expected.Bug}: {(Caught is null ? $"not caught in {Seeds} seeds" : $"caught by {Caught.Invariant} in seed {Caught.Seed}")}");
}

/// <summary>The planted bugs, each with the invariant that catches it; the check of the checkers.</summary>
public static class PlantedBugs
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<BugExpectation> All { get; } =
    [
        new(PlantedBug.SendBeforePersist, Invariants.PersistBeforeSend, 5, [Invariants.RecordedOnce, Invariants.LastStateStays]),
        new(
            PlantedBug.UnsyncedPersist,
            Invariants.AcknowledgedIsDurable,
            10,
            [Invariants.WritesAscend, Invariants.LastStateStays, .. NoEnd]),
        new(PlantedBug.OwnWriteTakenForConflict, Invariants.OwnWriteIsNoConflict, 10, []),
        new(PlantedBug.StaleIncarnationObeyed, Invariants.StaleOrderRefused, 10, []),
        new(PlantedBug.DeltaAppliedTwice, Invariants.MembershipIsChained, 40, []),
        new(PlantedBug.AccusationKept, Invariants.AccusationsLapse, 10, [], First: 2),
        new(PlantedBug.LastRankLeavesEarly, Invariants.LeavesReleased, 10, []),
        new(PlantedBug.EndsOnceReleased, Invariants.LeavesReleased, 60, []),
        new(PlantedBug.RecutInInterruptedStep, Invariants.PlanIsAuthority, 10, []),
        new(PlantedBug.ComputeWithoutPlan, Invariants.PlanIsAuthority, 5, [Invariants.HeldWorkCounts]),
        new(PlantedBug.PromiseBroken, Invariants.PromiseKept, 10, [Invariants.HostContract, .. WrongBits]),
        new(PlantedBug.ReducedOverwrittenEarly, Invariants.AnswerIsTrue, 10, WrongBits),
        new(PlantedBug.AppliedEarly, Invariants.WholeBeforeApply, 5, [Invariants.GenerationOvertaken]),
        new(PlantedBug.StateOfTwoSteps, Invariants.StateIsSerial, 10, WrongBits),
        new(PlantedBug.StaleContribution, Invariants.SumOfOneGeneration, 10, WrongBits),
        new(PlantedBug.OlderGenerationContribution, Invariants.SumOfOneGeneration, 10, WrongBits),
        new(PlantedBug.FlippedContribution, Invariants.ReducedIsSerial, 5, WrongBits),
        new(PlantedBug.SumInOrderOfArrival, Invariants.ReducedIsSerial, 5, WrongBits),
        new(PlantedBug.StepRecordedTwice, Invariants.RecordedOnce, 20, [Invariants.LedgerCloses]),
        new(PlantedBug.StepNotRecorded, Invariants.RecordedOnce, 5, [Invariants.LedgerCloses]),
        new(PlantedBug.ModelOfEarlierStep, Invariants.FinalModel, 5, []),
        new(PlantedBug.HeldWorkDealtAway, Invariants.HeldWorkCounts, 10, []),
        new(PlantedBug.OldTagsOffered, Invariants.DiscardedIsGone, 10, [], First: 19),
        new(PlantedBug.OldSubtreesOffered, Invariants.DiscardedIsGone, 10, [], First: 19),
        new(PlantedBug.OldShardsOffered, Invariants.DiscardedIsGone, 10, [], First: 19),
        new(
            PlantedBug.AnsweredWhileInitialising,
            Invariants.AnswerAwaitsWrite,
            40,
            [Invariants.PromiseKept, Invariants.PayloadsAreReleased]),
        new(PlantedBug.AnsweredWhileApplying, Invariants.AnswerAwaitsWrite, 40, [Invariants.PromiseKept, Invariants.PayloadsAreReleased]),
        new(PlantedBug.OwedAnswerForgotten, Invariants.QuestionIsAnswered, 40, []),
        new(PlantedBug.FaultInvented, Invariants.FaultIsReal, 10, []),
        new(PlantedBug.StaleActivity, Invariants.ActivityIsTrue, 40, []),
        new(PlantedBug.StaleOfferTaken, Invariants.DrainedGetsNoRank, 10, [], First: 75),
        new(PlantedBug.DrainedLetGoEarly, Invariants.DrainedStaysUntilHeld, 20, []),
        new(PlantedBug.DrainsForgotten, Invariants.DrainIsDurable, 20, []),
        new(PlantedBug.StoredPayloadKept, Invariants.PayloadsAreReleased, 5, []),
        new(PlantedBug.StagingKept, Invariants.PayloadsAreReleased, 10, []),
    ];

    /// <summary>
    /// Whatever compares numbers with the serial run or ranks with each other: a wrong bit is seen by the next of them, and the next.
    /// </summary>
    private static IReadOnlyList<string> WrongBits =>
    [
        Invariants.AnswerIsTrue, Invariants.EqualStates, Invariants.FinalModel, Invariants.JobSound, Invariants.RecordedOnce,
        Invariants.ReducedIsSerial, Invariants.SourceUnchanged, Invariants.StateIsSerial, Invariants.SumOfOneGeneration,
    ];

    /// <summary>A job whose submission is lost never ends.</summary>
    private static IReadOnlyList<string> NoEnd => [Invariants.Liveness, Invariants.RecordedOnce, Invariants.FinalModel];

    /// <summary>What catches a bug.</summary>
    /// <exception cref="ArgumentException">Nothing is planted.</exception>
    public static BugExpectation Of(PlantedBug bug) =>
        All.FirstOrDefault(expected => expected.Bug == bug) ?? throw new ArgumentException($"{bug} is no planted bug", nameof(bug));

    /// <summary>Plants the bug and runs its seeds until its invariant is the first to fail.</summary>
    public static BugHunt Hunt(PlantedBug bug)
    {
        var expected = Of(bug);
        var options = new SimulationOptions { Plant = bug };
        for (var seeds = 1; seeds <= expected.Seeds; seeds++)
        {
            if (ProtocolSimulation.Run((ulong)(expected.First + seeds - 1), options) is { } report
                && report.Invariant == expected.Invariant)
            {
                return new BugHunt(expected, seeds, report);
            }
        }

        return new BugHunt(expected, expected.Seeds, null);
    }

    /// <summary>
    /// Plants the bug and runs the first <paramref name="seeds"/> seeds with these invariants not checked, until any other fails.
    /// </summary>
    public static BugHunt HuntWithout(PlantedBug bug, IEnumerable<string> invariants, int seeds)
    {
        var options = new SimulationOptions { Plant = bug, WithoutChecks = new SortedSet<string>(invariants, StringComparer.Ordinal) };
        for (var run = 1; run <= seeds; run++)
        {
            if (ProtocolSimulation.Run((ulong)(Of(bug).First + run - 1), options) is { Passed: false } report)
                return new BugHunt(Of(bug), run, report);
        }

        return new BugHunt(Of(bug), seeds, null);
    }

    /// <summary>The invariant that catches the bug, and those that would see its consequences.</summary>
    public static IReadOnlyList<string> CheckersOf(PlantedBug bug) => [Of(bug).Invariant, .. Of(bug).Backstops];
}
