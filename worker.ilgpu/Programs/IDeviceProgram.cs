using ILGPU;

namespace Coordinator.Worker.Ilgpu.Programs;

/// <summary>The part of a device that knows its program: gradients of micro-batches, queued on the device's stream.</summary>
internal interface IDeviceProgram : IDisposable
{
    /// <summary>
    /// Brings the samples of a shard to the device: those at positions <paramref name="firstPosition"/> to first + count - 1.
    /// </summary>
    void Begin(long firstPosition, int count);

    /// <summary>
    /// Queues the gradient of the sum of the losses over samples <paramref name="first"/> to first + count - 1 of the shard: overwrites all
    /// of <paramref name="gradient"/>, or adds to it.
    /// </summary>
    /// <param name="parameters">[n], in the layout's order.</param>
    /// <param name="gradient">[n]</param>
    /// <param name="accumulate">Whether a micro-batch came before in this shard.</param>
    /// <param name="first">Number of the first sample within the shard.</param>
    /// <param name="count">Samples, at most the job's micro-batch.</param>
    /// <param name="cancel">Seen at each layer.</param>
    /// <returns>Targets that the loss covers.</returns>
    long AddGradient(
        ArrayView<float> parameters, ArrayView<float> gradient, bool accumulate, int first, int count, CancellationToken cancel);

    /// <summary>Waits for all that was queued and returns the sum of the losses since <see cref="Begin"/>.</summary>
    double TakeLoss();
}
