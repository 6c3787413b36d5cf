using Coordinator.Decoders.Targets;

namespace Coordinator.Decoders;

/// <summary>All targets, each with its part of a million inputs: many where one takes less than a microsecond.</summary>
public static class DecoderTargets
{
    /// <summary>Target and its share of the inputs, in percent.</summary>
    public static readonly IReadOnlyList<(Func<DecoderTarget> Make, int Percent)> All =
    [
        (() => new FrameHeaderTarget(), 22),
        (() => new HandshakeTarget(), 10),
        (() => new LeasePacketTarget(), 4),
        (() => new FrameStreamTarget(), 2),
        (() => new WorkerFrameTarget(), 20),
        (() => new WorkerMessageTarget(), 4),
        (() => new JobFileTarget(), 6),
        (() => new ManifestTarget(), 14),
        (() => new SafeTensorsTarget(), 14),
        (() => new ProgramDescriptionTarget(), 2),
        (() => new ProgramMessageTarget(), 2),
    ];
}
