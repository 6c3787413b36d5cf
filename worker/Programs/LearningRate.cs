using Coordinator.Machines.Jobs;
using Coordinator.Worker.Numerics;

namespace Coordinator.Worker.Programs;

/// <summary>Linear warm-up, then half a cosine down to the least rate, which is kept (Loshchilov and Hutter, "SGDR", ICLR 2017).</summary>
public static class LearningRate
{
    /// <summary>
    /// The rate of <paramref name="step"/>, from 1, in a job of <paramref name="steps"/>: the cosine ends there, or at
    /// <see cref="OptimizerSpec.DecaySteps"/>.
    /// </summary>
    public static double At(long step, long steps, OptimizerSpec spec)
    {
        if (spec.DecaySteps > 0)
            steps = spec.DecaySteps;

        if (step < spec.WarmupSteps) return spec.LearningRate * step / spec.WarmupSteps;
        if (step >= steps) return steps > spec.WarmupSteps ? spec.MinLearningRate : spec.LearningRate;
        var progress = (double)(step - spec.WarmupSteps) / (steps - spec.WarmupSteps);
        var cosine = DoubleMath.SinCosTurns(progress / 2).Cos;
        return spec.MinLearningRate + 0.5 * (1 + cosine) * (spec.LearningRate - spec.MinLearningRate);
    }
}
