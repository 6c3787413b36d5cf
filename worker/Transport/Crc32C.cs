using System.Numerics;
using System.Runtime.InteropServices;

namespace Coordinator.Worker.Transport;

/// <summary>CRC-32C (Castagnoli, RFC 3720 appendix B.4), eight bytes at a time; a hardware instruction on x86-64 and ARM64.</summary>
public static class Crc32C
{
    /// <summary>Checksum of <paramref name="first"/> followed by <paramref name="second"/>.</summary>
    public static uint Of(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second) => ~Append(Append(uint.MaxValue, first), second);

    private static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        // The words are read little-endian, as the hosts that form one device class are.
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(bytes))
            crc = BitOperations.Crc32C(crc, word);
        foreach (var tail in bytes[(bytes.Length & ~7)..])
            crc = BitOperations.Crc32C(crc, tail);
        return crc;
    }
}
