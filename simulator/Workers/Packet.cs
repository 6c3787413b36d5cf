using System.Buffers.Binary;
using System.Numerics;
using Coordinator.Machines;

namespace Coordinator.Simulator.Workers;

/// <summary>
/// A data-plane frame as bytes, with what its sender meant by it. The bytes are all that machines see; the truth is for the checkers,
/// which must notice where somebody on the way said otherwise.
/// </summary>
internal readonly record struct Packet(byte[] Bytes, FrameHeader Truth)
{
    public const int WordBytes = 8;

    /// <summary>Makes a frame, with a payload of one word or none.</summary>
    public static Packet Encode(FrameHeader header, ulong? word)
    {
        var payload = word is null ? 0 : WordBytes;
        var bytes = new byte[FrameHeader.Size + payload];
        if (word is { } value)
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(FrameHeader.Size), value);
        header = header with { PayloadBytes = payload, Checksum = 0 };
        header.Write(bytes);
        header = header with { Checksum = Crc(bytes) };
        header.Write(bytes);
        return new Packet(bytes, header);
    }

    /// <summary>Reads header and word; null where sound, else what is wrong.</summary>
    public string? Decode(out FrameHeader header, out ulong word)
    {
        word = 0;
        if (FrameHeader.TryRead(Bytes, out header) is { } wrong)
            return wrong;
        if (header.PayloadBytes != Bytes.Length - FrameHeader.Size)
            return "length and payload differ";
        Span<byte> copy = stackalloc byte[FrameHeader.Size + WordBytes];
        copy = copy[..Bytes.Length];
        Bytes.CopyTo(copy);
        (header with { Checksum = 0 }).Write(copy);
        if (Crc(copy) != header.Checksum)
            return "wrong checksum";
        if (header.PayloadBytes == WordBytes)
            word = BinaryPrimitives.ReadUInt64LittleEndian(Bytes.AsSpan(FrameHeader.Size));
        return null;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        for (; bytes.Length >= 8; bytes = bytes[8..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var b in bytes)
            crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
