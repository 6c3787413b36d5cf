using Coordinator.Machines;

namespace Coordinator.Decoders.Targets;

/// <summary>Headers of data-plane frames. What is accepted must be written back to the same bytes.</summary>
public sealed class FrameHeaderTarget : DecoderTarget
{
    private static readonly int[] Unused = [5, 6, 7, 100, 101, 102, 103];

    /// <inheritdoc/>
    public override string Name => "frame-header";

    /// <inheritdoc/>
    public override string About => "header of a data-plane frame";

    /// <inheritdoc/>
    public override long MostAllocated(int length) => 1 << 10;

    /// <inheritdoc/>
    public override byte[] Make(Dice dice) => Bytes(Header(dice));

    /// <inheritdoc/>
    public override bool Read(byte[] input)
    {
        if (FrameHeader.TryRead(input, out var header) is not null)
            return false;
        Span<byte> again = stackalloc byte[FrameHeader.Size];
        header.Write(again);
        for (var at = 0; at < FrameHeader.Size; at++)
        {
            if (again[at] != input[at] && !Unused.Contains(at))
                Hold(false, $"byte {at} is {input[at]:x2}, and is written back as {again[at]:x2}");
        }

        return true;
    }

    internal static byte[] Bytes(in FrameHeader header)
    {
        var bytes = new byte[FrameHeader.Size];
        header.Write(bytes);
        return bytes;
    }

    private static FrameHeader Header(Dice dice)
    {
        var size = 1 << dice.Below(20);
        return new FrameHeader
        {
            Kind = (FrameKind)(1 + dice.Below(8)),
            JobTag = dice.Next(),
            Incarnation = Positive(dice),
            Timeline = (int)(dice.Next() >> 33),
            Generation = Positive(dice),
            From = (int)(dice.Next() >> 33),
            To = (int)(dice.Next() >> 33),
            Step = Positive(dice),
            Block = (int)(dice.Next() >> 33),
            Count = (int)(dice.Next() >> 33),
            Subtree = dice.OneIn(4) ? default : new Subtree(size * dice.Below(1000), size),
            SumOfSquares = BitConverter.UInt64BitsToDouble(dice.Next()),
            Loss = BitConverter.UInt64BitsToDouble(dice.Next()),
            Targets = Positive(dice),
            PayloadBytes = dice.Below(FrameHeader.MaxPayloadBytes + 1),
            Checksum = (uint)dice.Next(),
        };
    }

    private static long Positive(Dice dice) => (long)(dice.Next() >> 1);
}
