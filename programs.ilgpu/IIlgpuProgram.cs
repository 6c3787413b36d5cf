using ILGPU.Runtime;

namespace Coordinator.Programs.Ilgpu;

/// <summary>
/// A <see cref="TrainingProgram"/> that ILGPU's devices can compute, too (<c>--device ilgpu:cuda</c>, <c>ilgpu:opencl</c>,
/// <c>ilgpu:cpu</c>), by
/// kernels of its own. It is loaded with the worker's ILGPU, so build it with the version that this package names. Classes and methods of
/// kernels have to be public. What a kernel computes must not depend on how its work is cut into groups, and atomic sums of floats are in
/// no order.
/// </summary>
public interface IIlgpuProgram
{
    /// <summary>Loads kernels and allocates what passes need. Called once, before the first pass; what is allocated is freed by the
    /// program's Dispose.</summary>
    /// <param name="accelerator">The rank's own accelerator.</param>
    /// <param name="stream">The stream on which all of the program's work is queued.</param>
    void Open(Accelerator accelerator, AcceleratorStream stream);

    /// <summary>
    /// Queues the gradient of the sum of the losses over a pass's samples on the stream, into <see cref="DevicePass.Gradient"/>. It need
    /// not wait for it.
    /// </summary>
    /// <returns>Number of targets; with one target a sample, <see cref="DevicePass.Count"/>.</returns>
    long Compute(DevicePass pass);
}
