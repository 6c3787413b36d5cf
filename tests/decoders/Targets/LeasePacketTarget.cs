using Coordinator.Machines;
using Coordinator.Worker.Gangs;

namespace Coordinator.Decoders.Targets;

/// <summary>
/// Datagrams with which the agents of a gang ask each other whether they are there. Whatever is not sealed with the generation's key is
/// none, since a stranger's could keep processes alive that must die.
/// </summary>
public sealed class LeasePacketTarget : DecoderTarget
{
    private static readonly JobId Job = new("gang");
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    /// <inheritdoc/>
    public override string Name => "lease-packet";

    /// <inheritdoc/>
    public override string About => "datagram between the agents of a gang";

    /// <inheritdoc/>
    public override long MostAllocated(int length) => 16 << 10;

    /// <inheritdoc/>
    public override byte[] Make(Dice dice) => new LeasePacket(
        dice.OneIn(2), 1 + dice.Below(1000), dice.Below(31), TimeSpan.FromTicks((long)(dice.Next() >> 1))).Write(Job, Key);

    /// <inheritdoc/>
    public override bool Read(byte[] input)
    {
        if (LeasePacket.Read(input, Job, Key) is not { } packet)
            return false;
        Hold(packet.Write(Job, Key).AsSpan().SequenceEqual(input), "a packet that was accepted is another one when it is written again");
        Hold(LeasePacket.Read(input, new JobId("other"), Key) is null, "a packet of one job is accepted for another");
        return true;
    }
}
