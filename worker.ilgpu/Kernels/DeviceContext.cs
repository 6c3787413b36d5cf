using Coordinator.Worker.Ilgpu.Numerics;
using ILGPU;
using ILGPU.Runtime.CPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>How ILGPU's contexts are made, everywhere: what decides bits is decided here once.</summary>
internal static class DeviceContext
{
    /// <summary>
    /// Full optimisation, no fast mathematics, the own intrinsics; profiling allows the markers by which the end of one copy among
    /// several is awaited.
    /// </summary>
    public static Context.Builder Configure(Context.Builder builder) =>
        DeviceIntrinsics.Register(builder.Optimize(OptimizationLevel.O2).Math(MathMode.Default).Profiling());

    /// <summary>
    /// The CPU device that stands in for a GPU: as many threads as groups may have. They are threads of the operating system, so as few
    /// as will do.
    /// </summary>
    public static CPUDevice Simulated(int threads = 2) =>
        new(numThreadsPerWarp: 2, numWarpsPerMultiprocessor: threads / 2, numMultiprocessors: 1);
}
