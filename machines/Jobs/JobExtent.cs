namespace Coordinator.Machines.Jobs;

/// <summary>
/// How long a job trains and how wide it may grow: what can be raised after its submission, and changes no step that is trained.
/// </summary>
/// <param name="Steps"><see cref="TrainingSpec.Steps"/>.</param>
/// <param name="DecaySteps"><see cref="OptimizerSpec.DecaySteps"/>.</param>
/// <param name="Ranks"><see cref="JobSpec.Ranks"/>.</param>
public sealed record JobExtent(long Steps, long DecaySteps, int Ranks)
{
    /// <summary>The extent of a spec.</summary>
    public static JobExtent Of(JobSpec spec) => new(spec.Training.Steps, spec.Optimizer.DecaySteps, spec.Ranks);

    /// <summary>The spec with this extent.</summary>
    public JobSpec ApplyTo(JobSpec spec) => spec with
    {
        Ranks = Ranks,
        Training = spec.Training with { Steps = Steps },
        Optimizer = spec.Optimizer with { DecaySteps = DecaySteps },
    };
}
