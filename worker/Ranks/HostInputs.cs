using Coordinator.Machines;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Transport;

namespace Coordinator.Worker.Ranks;

/// <summary>The device ended a shard that nobody may want any more; null: it was ended early.</summary>
internal sealed record GradientReady(long Ticket, DeviceGradient Gradient, ShardResult? Result) : RankInput;

/// <summary>The optimizer ended a step.</summary>
internal sealed record StepComputed(long Ticket, StepRecord Record) : RankInput;

/// <summary>A frame and its payload, which has no handle yet.</summary>
internal sealed record FrameReceived(FrameHeader Header, PooledBlock? Payload) : RankInput;
