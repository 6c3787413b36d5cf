using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Programs;

/// <summary>The part of a CPU device that knows its program: the gradient of one micro-batch.</summary>
internal unsafe interface IGradientEngine : IDisposable
{
    /// <summary>
    /// Gradient of the sum of the losses over samples <paramref name="firstPosition"/> to firstPosition + count - 1 at
    /// <paramref name="parameters"/>: overwrites all of <paramref name="gradient"/>, or adds to it with <paramref name="accumulate"/>.
    /// </summary>
    ShardResult Compute(float* parameters, float* gradient, bool accumulate, long firstPosition, int count, CancellationToken cancel);
}
