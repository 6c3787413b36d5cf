using static Coordinator.Machines.Jobs.JobSpecProblems;

namespace Coordinator.Machines.Jobs.Policies;

/// <summary>
/// Which extensions of a job are sound, as a pure function: more steps than it has, and more ranks up to its shards. The learning rate goes
/// on falling to the step to which it fell before, so the final model is that of a job that was submitted with both numbers.
/// </summary>
public static class ExtensionPolicy
{
    /// <summary>The spec with more steps or ranks.</summary>
    public static JobSpec Apply(JobSpec spec, ExtendJob wanted)
    {
        var steps = wanted.Steps ?? spec.Training.Steps;
        var decay = spec.Optimizer.DecaySteps == 0 && steps > spec.Training.Steps ? spec.Training.Steps : spec.Optimizer.DecaySteps;
        return new JobExtent(steps, decay, wanted.Ranks ?? spec.Ranks).ApplyTo(spec);
    }

    /// <summary>Why a job cannot be extended so; null: it can, or has been already.</summary>
    /// <param name="spec">The job as it is now.</param>
    /// <param name="isFinished">Whether it has ended with a model.</param>
    /// <param name="failure">Why it has failed; null: it has not.</param>
    /// <param name="checkpoints">Checkpoints that it has recorded and not pruned.</param>
    /// <param name="wanted">What is asked for.</param>
    public static JobSpecProblem? WhyRefused(JobSpec spec, bool isFinished, string? failure, int checkpoints, ExtendJob wanted)
    {
        var extended = Apply(spec, wanted);
        if (extended == spec)
            return null;
        var (steps, ranks) = (spec.Training.Steps, spec.Ranks);
        if (extended.Training.Steps < steps)
        {
            return new JobSpecProblem(
                "training.steps",
                Text(extended.Training.Steps),
                $"at least {Text(steps)}, what the job has",
                "steps that a job has are not taken back: start another job with fewer");
        }
        if (extended.Ranks < ranks)
        {
            return new JobSpecProblem(
                "job.ranks",
                Text(extended.Ranks),
                $"at least {Text(ranks)}, what the job has",
                "ranks are not taken back: the job goes on with as many as there are, down to job.min_ranks");
        }
        if (JobSpecValidator.Validate(extended).FirstOrDefault(
            problem => problem.Field is "training.steps" or "job.ranks") is { } impossible)
        {
            return impossible.Field == "job.ranks" ? impossible with
            {
                Remedy = $"choose at most {Text(spec.Training.Shards)}: a job's shards decide its bits, and never change",
            } : impossible;
        }
        var (field, value, now) = extended.Training.Steps > steps ? (
            "training.steps", extended.Training.Steps, steps) : ("job.ranks", extended.Ranks, ranks);
        if (failure is not null)
            return new JobSpecProblem(field, Text(value), $"{Text(now)}, since the job has failed ({failure})", "start another job");
        if (isFinished && field == "job.ranks")
        {
            return new JobSpecProblem(
                field, Text(value), $"{Text(now)}, since the job has finished", "raise its steps too, or leave it as it is");
        }

        // One that saves checkpoints and ended before its first begins again, as it would if its workers died. Where none are wanted a
        // person decides.
        return isFinished && checkpoints == 0 && CheckpointInterval.TryParse(spec.Checkpoint.Interval, out var interval) && interval.IsOff
            ? new JobSpecProblem(
                field, Text(value), $"{Text(now)}, since the job has finished and saved no checkpoint (checkpoint.interval is off): the "
                    + "model alone lacks what the optimizer knew",
                "to train the model further, start a job from it (train --init MODEL); for the same bits as with more steps from the "
                    + $"start, train anew with --steps {Text(value)} --lr_scheduler.decay_steps={Text(extended.Optimizer.DecaySteps)}")
            : null;
    }
}
