using Coordinator.Machines;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Transport;

namespace Coordinator.Worker.Ranks;

/// <summary>
/// An input of a rank's machine on its way through the host, with the numbers that it is about. The machine sees handles and tickets alone,
/// so the numbers stay with the host: each is taken over, or given back, once.
/// </summary>
/// <param name="Input">What the machine hears, or would hear.</param>
internal readonly record struct HostInput(RankInput Input)
{
    /// <summary>With <see cref="FrameArrived"/>: the payload, which has no handle yet.</summary>
    public PooledBlock? Payload { get; init; }

    /// <summary>With <see cref="ShardComputed"/>: the gradient, which nobody may want any more.</summary>
    public ComputedShard? Shard { get; init; }

    /// <summary>With <see cref="StepFinished"/>: what is recorded of the step.</summary>
    public StepRecord? Applied { get; init; }

    /// <summary>An input without numbers.</summary>
    public static implicit operator HostInput(RankInput input) => new(input);
}

/// <summary>What the device has computed of a shard; without a result it was ended early.</summary>
internal sealed record ComputedShard(DeviceGradient Gradient, ShardResult? Result);
