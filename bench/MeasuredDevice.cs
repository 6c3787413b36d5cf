using Coordinator.Worker.Devices;
using Coordinator.Worker.Ranks;

namespace Coordinator.Bench;

/// <summary>A device that notes what has been used when its last step is applied, while its process still runs.</summary>
internal sealed class MeasuredDevice(IRankDevice device, long lastStep, Func<(double Seconds, double Processor)> measure) : IRankDevice
{
    public (double Seconds, double Processor)? AtEnd { get; private set; }

    public long ParameterCount => device.ParameterCount;

    public long StateElements => device.StateElements;

    public long ModelElements => device.ModelElements;

    public IReadOnlyList<ModelTensor>? Model => device.Model;

    public string Identity => device.Identity;

    public void Initialize() => device.Initialize();

    public DeviceGradient CreateGradient() => device.CreateGradient();

    public ShardResult ComputeShard(long step, int shard, DeviceGradient gradient, CancellationToken cancel) =>
        device.ComputeShard(step, shard, gradient, cancel);

    public void Add(DeviceGradient sum, DeviceGradient addend) => device.Add(sum, addend);

    public double ApplyStep(long step, DeviceGradient reduced, double sumOfSquares, long targets)
    {
        var norm = device.ApplyStep(step, reduced, sumOfSquares, targets);
        if (step == lastStep)
            AtEnd = measure();
        return norm;
    }

    public void ReadState(long offset, Span<float> destination) => device.ReadState(offset, destination);

    public void WriteState(long offset, ReadOnlySpan<float> source) => device.WriteState(offset, source);

    public void Abandon() => device.Abandon();

    public void Dispose() => device.Dispose();
}
