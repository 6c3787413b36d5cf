using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary><see cref="AdamWStep"/> as a kernel's argument.</summary>
internal readonly struct AdamWScalars(AdamWStep step)
{
    public readonly float Scale = step.Scale;
    public readonly float OneMinusBeta1 = step.OneMinusBeta1;
    public readonly float Beta2 = step.Beta2;
    public readonly float OneMinusBeta2 = step.OneMinusBeta2;
    public readonly float StepSize = step.StepSize;
    public readonly float RootCorrection = step.RootCorrection;
    public readonly float Epsilon = step.Epsilon;
    public readonly float Decay = step.Decay;
}
