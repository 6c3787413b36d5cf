using System.Globalization;

namespace Coordinator.Machines.Jobs.Policies;

/// <summary>
/// A model whose numbers have run away learns nothing more: each later step spreads what is not a number to all parameters. So a job ends
/// at the
/// first recorded step whose loss or gradient norm is none, unless its spec lets it go on. The record decides, which is the same on every
/// rank and
/// engine and after every failure; no checkpoint of that step or a later one is complete before the record has come so far. A pure
/// function.
/// </summary>
public static class FiniteNumbers
{
    /// <summary>Steps as far as the job goes with them: up to the first one that ends it, and that one where there is one.</summary>
    /// <param name="spec">The job's spec.</param>
    /// <param name="steps">Steps that are reported, ascending.</param>
    /// <param name="through">Those up to here are recorded already: what was let pass once is not looked at again.</param>
    public static (IReadOnlyList<StepRecord> Recorded, StepRecord? Last) Cut(
        JobSpec spec, IReadOnlyList<StepRecord> steps, long through = 0)
    {
        if (spec.Training.AllowNonfinite)
            return (steps, null);
        for (var index = 0; index < steps.Count; index++)
        {
            if (steps[index].Step > through && (!double.IsFinite(steps[index].Loss) || !double.IsFinite(steps[index].GradientNorm)))
                return ([.. steps.Take(index + 1)], steps[index]);
        }

        return (steps, null);
    }

    /// <summary>
    /// Whether a job goes on with a state. The loss of a step is of the parameters before it, so what an update has made of them is looked
    /// at where they are kept: in the final state and in every checkpoint.
    /// </summary>
    /// <param name="spec">The job's spec.</param>
    /// <param name="nonfinite">Parameters of the state that are infinite or no number.</param>
    public static bool MayGoOn(JobSpec spec, long nonfinite) => nonfinite == 0 || spec.Training.AllowNonfinite;

    /// <summary>Why the job ends at a step, and what to do.</summary>
    /// <param name="step">The step.</param>
    /// <param name="spec">The job's spec.</param>
    /// <param name="checkpoint">Its newest checkpoint, which is of an earlier step; null: it has none.</param>
    public static string Why(StepRecord step, JobSpec spec, CheckpointRef? checkpoint)
    {
        var (what, value) = double.IsFinite(step.Loss) ? ("gradient norm", step.GradientNorm) : ("loss", step.Loss);
        return $"the {what} of step {step.Step} is {value.ToString(CultureInfo.InvariantCulture)}, so the model learns nothing more; "
            + Remedy(spec, checkpoint);
    }

    /// <summary>Why the job ends with a state, and what to do.</summary>
    /// <param name="step">The step that made it.</param>
    /// <param name="nonfinite">How many of its parameters are infinite or no number.</param>
    /// <param name="spec">The job's spec.</param>
    /// <param name="checkpoint">Its newest checkpoint, which is of an earlier step; null: it has none.</param>
    public static string WhyOfState(long step, long nonfinite, JobSpec spec, CheckpointRef? checkpoint) =>
        $"step {step} has made {nonfinite.ToString(CultureInfo.InvariantCulture)} of the model's parameters infinite or no number, so the "
            + $"model is of no use; {Remedy(spec, checkpoint)}";

    private static string Remedy(JobSpec spec, CheckpointRef? checkpoint)
    {
        var rate = spec.Optimizer.LearningRate.ToString("R", CultureInfo.InvariantCulture);
        var kept = checkpoint is null
            ? "there is no checkpoint of it"
            : $"its last checkpoint is that of step {checkpoint.Id.Step} and is kept";
        var clip = spec.Optimizer.GradientClip > 0 ? "" : " or set optimizer.gradient_clip to 1";
        return $"{kept}: lower optimizer.learning_rate (now {rate}){clip} and train again, or set training.allow_nonfinite to true to go "
            + $"on all the same";
    }
}
