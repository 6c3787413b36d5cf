using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

public sealed class FrameHeaderTests
{
    private static readonly FrameHeader Sample = new()
    {
        Kind = FrameKind.Contribution,
        JobTag = 0x0102030405060708,
        Incarnation = 3,
        Timeline = 1,
        Generation = 12,
        From = 2,
        To = 1,
        Step = 400,
        Block = 7,
        Count = 3,
        Subtree = new Subtree(8, 4),
        SumOfSquares = 0.1,
        Loss = 123.5,
        Targets = 2048,
        PayloadBytes = 65536,
        Checksum = 0xDEADBEEF,
    };

    [Fact]
    public void What_is_written_is_read_back()
    {
        var bytes = new byte[FrameHeader.Size];
        Sample.Write(bytes);
        Assert.Null(FrameHeader.TryRead(bytes, out var read));
        Assert.Equal(Sample, read);
    }

    [Fact]
    public void Changed_bytes_give_an_error_or_another_header_and_never_an_exception()
    {
        var bytes = new byte[FrameHeader.Size];
        for (var at = 0; at < FrameHeader.Size; at++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                Sample.Write(bytes);
                bytes[at] ^= (byte)(1 << bit);
                if (FrameHeader.TryRead(bytes, out var read) is null && at is not (5 or 6 or 7 or 100 or 101 or 102 or 103))
                    Assert.NotEqual(Sample, read);
            }
        }
    }

    [Theory]
    [InlineData(FrameHeader.Size - 1)]
    [InlineData(0)]
    public void A_short_header_is_refused(int length) => Assert.NotNull(FrameHeader.TryRead(new byte[length], out _));

    [Fact]
    public void An_overlong_payload_is_refused()
    {
        var bytes = new byte[FrameHeader.Size];
        (Sample with { PayloadBytes = FrameHeader.MaxPayloadBytes + 1 }).Write(bytes);
        Assert.Contains("payload", FrameHeader.TryRead(bytes, out _)!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_misaligned_subtree_is_refused()
    {
        var bytes = new byte[FrameHeader.Size];
        (Sample with { Subtree = new Subtree(2, 4) }).Write(bytes);
        Assert.Contains("aligned", FrameHeader.TryRead(bytes, out _)!, StringComparison.Ordinal);
    }
}
