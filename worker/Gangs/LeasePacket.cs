using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Coordinator.Machines;

namespace Coordinator.Worker.Gangs;

/// <summary>
/// A question between agents of one generation, and its answer, which brings the question's time back. It is authenticated with the
/// generation's key, so that nobody else can keep processes alive; what is not is dropped without a word.
/// </summary>
/// <param name="IsAnswer">Whether it is an answer.</param>
/// <param name="Generation">The generation.</param>
/// <param name="From">Index of the agent that says it.</param>
/// <param name="SentAt">When the question was sent, on the asker's clock.</param>
internal readonly record struct LeasePacket(bool IsAnswer, long Generation, int From, TimeSpan SentAt)
{
    /// <summary>Size of a packet.</summary>
    public const int Bytes = HeadBytes + SealBytes;

    private const int HeadBytes = 32;
    private const int SealBytes = 16;
    private const uint Magic = 0x314c4743;

    /// <summary>The packet as it is sent.</summary>
    public byte[] Write(JobId job, byte[] key)
    {
        var packet = new byte[Bytes];
        BinaryPrimitives.WriteUInt32LittleEndian(packet, Magic);
        packet[4] = IsAnswer ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt64LittleEndian(packet.AsSpan(8), Generation);
        BinaryPrimitives.WriteInt32LittleEndian(packet.AsSpan(16), From);
        BinaryPrimitives.WriteInt64LittleEndian(packet.AsSpan(24), SentAt.Ticks);
        Seal(packet.AsSpan(0, HeadBytes), job, key).CopyTo(packet, HeadBytes);
        return packet;
    }

    /// <summary>What a packet says; null: it is none, or none of this job's with this key.</summary>
    public static LeasePacket? Read(ReadOnlySpan<byte> packet, JobId job, byte[] key)
    {
        if (packet.Length != Bytes || BinaryPrimitives.ReadUInt32LittleEndian(packet) != Magic || packet[4] > 1
            || !CryptographicOperations.FixedTimeEquals(Seal(packet[..HeadBytes], job, key), packet[HeadBytes..]))
        {
            return null;
        }
        return new LeasePacket(
            packet[4] == 1,
            BinaryPrimitives.ReadInt64LittleEndian(packet[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(packet[16..]),
            TimeSpan.FromTicks(BinaryPrimitives.ReadInt64LittleEndian(packet[24..])));
    }

    private static byte[] Seal(ReadOnlySpan<byte> head, JobId job, byte[] key)
    {
        byte[] text = [.. head, .. Encoding.UTF8.GetBytes(job.Value)];
        return HMACSHA256.HashData(key, text)[..SealBytes];
    }
}
