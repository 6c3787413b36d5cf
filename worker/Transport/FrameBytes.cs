using System.Buffers.Binary;

namespace Coordinator.Worker.Transport;

/// <summary>Frames as they lie on the wire.</summary>
public static class FrameBytes
{
    /// <summary>Offset of the checksum in a header.</summary>
    public const int ChecksumAt = 8;

    /// <summary>Checksum of a frame, whatever its checksum field holds; that field is zero afterwards.</summary>
    public static uint Checksum(Span<byte> header, ReadOnlySpan<byte> payload)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header[ChecksumAt..], 0);
        return Crc32C.Of(header, payload);
    }
}
