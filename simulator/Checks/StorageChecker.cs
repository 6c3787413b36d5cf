using Coordinator.Machines;
using Coordinator.Simulator.Workers;

namespace Coordinator.Simulator.Checks;

/// <summary>What reaches the disk: ascending writes, and steps without gap or repetition.</summary>
internal sealed class StorageChecker(Checkers checkers, ToyModel model)
{
    private readonly SortedDictionary<string, int> activations = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, (long Incarnation, long Sequence, int Activation)> highest = new(StringComparer.Ordinal);
    private readonly SortedDictionary<int, long> recorded = [];

    /// <summary>The last step recorded in the newest timeline.</summary>
    public long LastStep => recorded.Count == 0 ? 0 : recorded.Last().Value;

    public void OnActivated(GrainAddress grain) => activations[grain.ToString()] = activations.GetValueOrDefault(grain.ToString()) + 1;

    /// <summary>The number of a grain's newest activation, by which its writes are told apart.</summary>
    public int ActivationOf(GrainAddress grain) => activations.GetValueOrDefault(grain.ToString());

    public void OnStored(GrainAddress grain, int activation, PersistState persist)
    {
        var key = grain.ToString();
        if (highest.TryGetValue(key, out var last))
        {
            if ((persist.Incarnation, persist.Sequence).CompareTo((last.Incarnation, last.Sequence)) <= 0)
            {
                checkers.Fail(
                    Invariants.WritesAscend,
                    $"{grain} writes ({persist.Incarnation}, {persist.Sequence}) after ({last.Incarnation}, {last.Sequence})");
            }
            if (persist.Incarnation == last.Incarnation && activation != last.Activation)
                checkers.Fail(Invariants.WritesAscend, $"two activations of {grain} write as incarnation {persist.Incarnation}");
        }

        highest[key] = (persist.Incarnation, persist.Sequence, activation);
    }

    /// <summary>The job goes back: its record of the new timeline begins behind this step.</summary>
    public void OnRestored(int timeline, long step) => recorded[timeline] = step;

    public void OnStep(int timeline, StepRecord step)
    {
        var last = recorded.GetValueOrDefault(timeline);
        if (step.Step != last + 1)
            checkers.Fail(Invariants.RecordedOnce, $"step {step.Step} of timeline {timeline} is recorded after step {last}");
        if (step.Step > checkers.Steps.Highest)
            checkers.Fail(Invariants.RecordedOnce, $"step {step.Step} is recorded, but nobody has applied it");
        var score = model.Reduced(step.Step).Score;
        if (step.Targets != score.Targets || step.Loss != score.Loss / score.Targets)
        {
            checkers.Fail(Invariants.RecordedOnce, $"step {step.Step} is recorded with loss {step.Loss} over {step.Targets} targets, not "
                + $"{score.Loss / score.Targets} over {score.Targets}");
        }
        recorded[timeline] = step.Step;
    }

    /// <summary>A known step was reported again, by another rank or because an acknowledgement was lost.</summary>
    public void OnStepAgain(StepRecord known, StepRecord again)
    {
        if (known.Loss != again.Loss || known.Targets != again.Targets || known.GradientNorm != again.GradientNorm)
            checkers.Fail(Invariants.RecordedOnce, $"step {known.Step} is reported with two losses or norms");
    }
}
