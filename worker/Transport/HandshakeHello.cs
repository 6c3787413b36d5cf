using System.Buffers.Binary;
using System.Text;
using Coordinator.Machines;

namespace Coordinator.Worker.Transport;

/// <summary>
/// What the dialer opens with: which generation of which job the connection is for, from whom to whom, and a fresh nonce.
/// On the wire: magic <c>CRDH</c>, version (2 bytes), length (2 bytes), then that many bytes: generation, nonce, and three texts with
/// their lengths.
/// </summary>
public sealed record HandshakeHello(JobId Job, long Generation, NodeId From, NodeId To, byte[] Nonce)
{
    /// <summary>Version of the handshake and of the frames after it.</summary>
    public const ushort Version = 1;

    /// <summary>Bytes before the variable part.</summary>
    public const int PrefixSize = 8;

    /// <summary>Longest variable part that is read.</summary>
    public const int MaxBodyBytes = 1024;

    /// <summary>Length of a nonce, bytes.</summary>
    public const int NonceSize = 32;

    private const uint Magic = 0x48445243;

    /// <summary>The bytes of the whole hello.</summary>
    public byte[] Encode()
    {
        var stream = new MemoryStream();
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(number, Generation);
        stream.Write(number);
        stream.Write(Nonce);
        foreach (var text in (string[])[Job.Value, From.Value, To.Value])
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            BinaryPrimitives.WriteUInt16LittleEndian(number, checked((ushort)bytes.Length));
            stream.Write(number[..2]);
            stream.Write(bytes);
        }

        var body = stream.ToArray();
        if (body.Length > MaxBodyBytes)
        {
            throw new InvalidOperationException(
                $"a handshake of {body.Length} bytes; {MaxBodyBytes} are allowed: the names of job and nodes are too long");
        }
        var whole = new byte[PrefixSize + body.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(whole, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(whole.AsSpan(4), Version);
        BinaryPrimitives.WriteUInt16LittleEndian(whole.AsSpan(6), (ushort)body.Length);
        body.CopyTo(whole, PrefixSize);
        return whole;
    }

    /// <summary>Length of the variable part that a prefix announces, or -1 where it opens no handshake of this version.</summary>
    public static int BodyLength(ReadOnlySpan<byte> prefix)
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(prefix) != Magic || BinaryPrimitives.ReadUInt16LittleEndian(prefix[4..]) != Version)
            return -1;
        int length = BinaryPrimitives.ReadUInt16LittleEndian(prefix[6..]);
        return length is < 8 + NonceSize + 6 or > MaxBodyBytes ? -1 : length;
    }

    /// <summary>Reads the variable part; null where it is malformed.</summary>
    public static HandshakeHello? Decode(ReadOnlySpan<byte> body)
    {
        var generation = BinaryPrimitives.ReadInt64LittleEndian(body);
        var nonce = body.Slice(8, NonceSize).ToArray();
        var rest = body[(8 + NonceSize)..];
        var texts = new string[3];
        for (var i = 0; i < texts.Length; i++)
        {
            if (rest.Length < 2)
                return null;
            int length = BinaryPrimitives.ReadUInt16LittleEndian(rest);
            if (length == 0 || rest.Length < 2 + length)
                return null;
            texts[i] = Encoding.UTF8.GetString(rest.Slice(2, length));
            rest = rest[(2 + length)..];
        }

        if (rest.Length > 0 || generation <= 0)
            return null;
        return new HandshakeHello(new JobId(texts[0]), generation, new NodeId(texts[1]), new NodeId(texts[2]), nonce);
    }
}
