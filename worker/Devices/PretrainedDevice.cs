using Coordinator.Worker.Programs;
using Coordinator.Worker.Ranks;

namespace Coordinator.Worker.Devices;

/// <summary>
/// A device whose state of step 0 has its parameters from a file and not from the job's seed, for a job that starts from another job's
/// weights. The file is named by its hash in the job's spec, so the state is a pure function of the spec here, too.
/// </summary>
/// <param name="device">Does everything else. Owned.</param>
/// <param name="weights">What the file holds; ranks of a worker share it.</param>
public sealed class PretrainedDevice(IRankDevice device, InitialWeights weights) : IRankDevice
{
    /// <inheritdoc/>
    public long ParameterCount => device.ParameterCount;

    /// <inheritdoc/>
    public long StateElements => device.StateElements;

    /// <inheritdoc/>
    public long ModelElements => device.ModelElements;

    /// <inheritdoc/>
    public IReadOnlyList<ModelTensor>? Model => device.Model;

    /// <inheritdoc/>
    public IReadOnlyList<ModelTensor>? Trained => device.Trained;

    /// <inheritdoc/>
    public string Identity => device.Identity;

    /// <inheritdoc/>
    public IReadOnlyList<string> InitialState => device.InitialState;

    /// <inheritdoc/>
    public void Initialize()
    {
        device.Initialize();
        weights.WriteTo(device);
    }

    /// <inheritdoc/>
    public DeviceGradient CreateGradient() => device.CreateGradient();

    /// <inheritdoc/>
    public ShardResult ComputeShard(long step, int shard, DeviceGradient gradient, CancellationToken cancel) =>
        device.ComputeShard(step, shard, gradient, cancel);

    /// <inheritdoc/>
    public void Add(DeviceGradient sum, DeviceGradient addend) => device.Add(sum, addend);

    /// <inheritdoc/>
    public double ApplyStep(long step, DeviceGradient reduced, double sumOfSquares, long targets) =>
        device.ApplyStep(step, reduced, sumOfSquares, targets);

    /// <inheritdoc/>
    public void ReadState(long offset, Span<float> destination) => device.ReadState(offset, destination);

    /// <inheritdoc/>
    public void WriteState(long offset, ReadOnlySpan<float> source) => device.WriteState(offset, source);

    /// <inheritdoc/>
    public void TakeRank(int rank) => device.TakeRank(rank);

    /// <inheritdoc/>
    public void TakeRecorded(long through) => device.TakeRecorded(through);

    /// <inheritdoc/>
    public void Complete(long step) => device.Complete(step);

    /// <inheritdoc/>
    public string? Activity => device.Activity;

    /// <inheritdoc/>
    public void Abandon() => device.Abandon();

    /// <inheritdoc/>
    public void Dispose() => device.Dispose();
}
