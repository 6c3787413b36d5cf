using Coordinator.Worker.Devices;

namespace Coordinator.Tests.Worker;

/// <summary>Does all with another device: for devices that differ from it in one thing.</summary>
internal abstract class ForwardingDevice(IRankDevice inner) : IRankDevice
{
    public long ParameterCount => inner.ParameterCount;

    public void Initialize() => inner.Initialize();

    public virtual DeviceGradient CreateGradient() => inner.CreateGradient();

    public ShardResult ComputeShard(long step, int shard, DeviceGradient gradient, CancellationToken cancel) =>
        inner.ComputeShard(step, shard, gradient, cancel);

    public void Add(DeviceGradient sum, DeviceGradient addend) => inner.Add(sum, addend);

    public double ApplyStep(long step, DeviceGradient reduced, double sumOfSquares, long targets) =>
        inner.ApplyStep(step, reduced, sumOfSquares, targets);

    public void ReadState(long offset, Span<float> destination) => inner.ReadState(offset, destination);

    public void WriteState(long offset, ReadOnlySpan<float> source) => inner.WriteState(offset, source);

    public void Dispose() => inner.Dispose();
}
