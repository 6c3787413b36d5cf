using Coordinator.Machines.Jobs;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Numerics;

namespace Coordinator.Worker.Programs;

/// <summary>One optimizer step in numbers: computed in float64 and rounded once, alike on every device.</summary>
/// <param name="Norm">Gradient norm after scaling by 1 / targets and before clipping.</param>
/// <param name="Plain">Scalars for tensors that do not decay.</param>
/// <param name="Decaying">Scalars for those that do.</param>
internal readonly record struct OptimizerStep(double Norm, AdamWStep Plain, AdamWStep Decaying)
{
    /// <summary>The scalars of step <paramref name="step"/>, from 1.</summary>
    /// <param name="training">The job's number of steps.</param>
    /// <param name="optimizer">Rates, betas, clipping.</param>
    /// <param name="step">The step.</param>
    /// <param name="sumOfSquares">Of the reduced gradient, not yet scaled.</param>
    /// <param name="targets">Targets of the whole step; 0 makes the gradient count as zero.</param>
    public static OptimizerStep Of(TrainingSpec training, OptimizerSpec optimizer, long step, double sumOfSquares, long targets)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        var mean = targets == 0 ? 0 : 1.0 / targets;
        var norm = Math.Sqrt(sumOfSquares) * mean;
        var clip = optimizer.GradientClip > 0 && norm > optimizer.GradientClip ? optimizer.GradientClip / norm : 1;
        var rate = LearningRate.At(step, training.Steps, optimizer);
        AdamWStep plain = new(
            Scale: (float)(mean * clip),
            OneMinusBeta1: (float)(1 - optimizer.Beta1),
            Beta2: (float)optimizer.Beta2,
            OneMinusBeta2: (float)(1 - optimizer.Beta2),
            StepSize: (float)(rate / (1 - DoubleMath.Power(optimizer.Beta1, step))),
            RootCorrection: (float)(1 / Math.Sqrt(1 - DoubleMath.Power(optimizer.Beta2, step))),
            Epsilon: (float)optimizer.Epsilon,
            Decay: 1f);
        return new OptimizerStep(norm, plain, plain with { Decay = (float)(1 - rate * optimizer.WeightDecay) });
    }

    /// <summary>The scalars for a tensor.</summary>
    public AdamWStep For(TensorInfo tensor) => tensor.Decays ? Decaying : Plain;
}
