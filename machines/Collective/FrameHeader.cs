using System.Buffers.Binary;

namespace Coordinator.Machines;

/// <summary>Kinds of data-plane frame.</summary>
public enum FrameKind : byte
{
    /// <summary>Part of a member's partial sum, for the owner of its block: subtree, block, payload.</summary>
    Contribution = 1,

    /// <summary>The sender takes part in the step and has nothing to add to any block of the receiver's slice. No payload.</summary>
    Ready = 2,

    /// <summary>
    /// A finished block of the reduced gradient: block, payload, sum of squares; block 0 carries loss and targets of the step.
    /// </summary>
    Reduced = 3,

    /// <summary>
    /// The owner accepts contributions to its slice up to (not including) block <see cref="FrameHeader.Block"/>. No payload.
    /// </summary>
    Credit = 4,

    /// <summary>Asks for blocks of the reduced gradient of a step: block, count. No payload.</summary>
    ReducedRequest = 5,

    /// <summary>Asks for a piece of the state at a step: block, count (state blocks). No payload.</summary>
    StateRequest = 6,

    /// <summary>One block of the state at a step: block, payload.</summary>
    State = 7,

    /// <summary>Sign of life between workers; never reaches a rank. No payload.</summary>
    KeepAlive = 8,
}

/// <summary>
/// What precedes every payload on the data plane: who, for whom, and of which job, incarnation, timeline, generation, step and
/// block. Fixed size, little-endian. The checksum covers the header (with the checksum field zero) and the payload.
/// </summary>
public readonly record struct FrameHeader
{
    /// <summary>Bytes on the wire.</summary>
    public const int Size = 104;

    /// <summary>Opens every frame: <c>CRD1</c>.</summary>
    public const uint Magic = 0x31445243;

    /// <summary>Largest payload accepted, bytes.</summary>
    public const int MaxPayloadBytes = 4 << 20;

    /// <summary>What the frame is.</summary>
    public required FrameKind Kind { get; init; }

    /// <summary>First eight bytes of the SHA-256 of the job's id.</summary>
    public required ulong JobTag { get; init; }

    /// <summary>Incarnation of the job's machine whose plan the sender obeys.</summary>
    public required long Incarnation { get; init; }

    /// <summary>The job's timeline.</summary>
    public required int Timeline { get; init; }

    /// <summary>The generation.</summary>
    public required long Generation { get; init; }

    /// <summary>Sending rank.</summary>
    public required int From { get; init; }

    /// <summary>Receiving rank.</summary>
    public required int To { get; init; }

    /// <summary>The step that the frame belongs to.</summary>
    public required long Step { get; init; }

    /// <summary>Block number, where the kind has one.</summary>
    public int Block { get; init; }

    /// <summary>Number of blocks, where the kind has one.</summary>
    public int Count { get; init; }

    /// <summary>Subtree of a contribution.</summary>
    public Subtree Subtree { get; init; }

    /// <summary>Sum of squares of a reduced block.</summary>
    public double SumOfSquares { get; init; }

    /// <summary>Loss of the subtree (contribution to block 0) or of the step (reduced block 0).</summary>
    public double Loss { get; init; }

    /// <summary>Targets that <see cref="Loss"/> covers.</summary>
    public long Targets { get; init; }

    /// <summary>Length of the payload in bytes.</summary>
    public int PayloadBytes { get; init; }

    /// <summary>CRC-32C of header and payload.</summary>
    public uint Checksum { get; init; }

    /// <summary>Writes the header, <see cref="Size"/> bytes.</summary>
    public void Write(Span<byte> to)
    {
        to[..Size].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(to, Magic);
        to[4] = (byte)Kind;
        BinaryPrimitives.WriteUInt32LittleEndian(to[8..], Checksum);
        BinaryPrimitives.WriteInt32LittleEndian(to[12..], PayloadBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], JobTag);
        BinaryPrimitives.WriteInt64LittleEndian(to[24..], Incarnation);
        BinaryPrimitives.WriteInt64LittleEndian(to[32..], Generation);
        BinaryPrimitives.WriteInt64LittleEndian(to[40..], Step);
        BinaryPrimitives.WriteInt32LittleEndian(to[48..], Timeline);
        BinaryPrimitives.WriteInt32LittleEndian(to[52..], From);
        BinaryPrimitives.WriteInt32LittleEndian(to[56..], To);
        BinaryPrimitives.WriteInt32LittleEndian(to[60..], Block);
        BinaryPrimitives.WriteInt32LittleEndian(to[64..], Count);
        BinaryPrimitives.WriteInt32LittleEndian(to[68..], Subtree.Start);
        BinaryPrimitives.WriteInt32LittleEndian(to[72..], Subtree.Size);
        BinaryPrimitives.WriteInt64LittleEndian(to[76..], Targets);
        BinaryPrimitives.WriteDoubleLittleEndian(to[84..], SumOfSquares);
        BinaryPrimitives.WriteDoubleLittleEndian(to[92..], Loss);
    }

    /// <summary>
    /// Reads a header and refuses what cannot be one: wrong magic, unknown kind, negative or overlong payload, negative numbers,
    /// a misaligned subtree. Whether it is the right one is for the receiver to judge.
    /// </summary>
    /// <returns>Null where the header is sound, else what is wrong with it.</returns>
    public static string? TryRead(ReadOnlySpan<byte> from, out FrameHeader header)
    {
        header = default;
        if (from.Length < Size)
            return $"a frame header has {Size} bytes, not {from.Length}";
        var magic = BinaryPrimitives.ReadUInt32LittleEndian(from);
        if (magic != Magic)
            return $"frame magic {magic:x8} instead of {Magic:x8}";
        var kind = (FrameKind)from[4];
        if (kind is < FrameKind.Contribution or > FrameKind.KeepAlive)
            return $"unknown frame kind {from[4]}";
        header = new FrameHeader
        {
            Kind = kind,
            Checksum = BinaryPrimitives.ReadUInt32LittleEndian(from[8..]),
            PayloadBytes = BinaryPrimitives.ReadInt32LittleEndian(from[12..]),
            JobTag = BinaryPrimitives.ReadUInt64LittleEndian(from[16..]),
            Incarnation = BinaryPrimitives.ReadInt64LittleEndian(from[24..]),
            Generation = BinaryPrimitives.ReadInt64LittleEndian(from[32..]),
            Step = BinaryPrimitives.ReadInt64LittleEndian(from[40..]),
            Timeline = BinaryPrimitives.ReadInt32LittleEndian(from[48..]),
            From = BinaryPrimitives.ReadInt32LittleEndian(from[52..]),
            To = BinaryPrimitives.ReadInt32LittleEndian(from[56..]),
            Block = BinaryPrimitives.ReadInt32LittleEndian(from[60..]),
            Count = BinaryPrimitives.ReadInt32LittleEndian(from[64..]),
            Subtree = new Subtree(BinaryPrimitives.ReadInt32LittleEndian(from[68..]), BinaryPrimitives.ReadInt32LittleEndian(from[72..])),
            Targets = BinaryPrimitives.ReadInt64LittleEndian(from[76..]),
            SumOfSquares = BinaryPrimitives.ReadDoubleLittleEndian(from[84..]),
            Loss = BinaryPrimitives.ReadDoubleLittleEndian(from[92..]),
        };
        if (header.PayloadBytes is < 0 or > MaxPayloadBytes)
            return $"payload of {header.PayloadBytes} bytes; 0 to {MaxPayloadBytes} are allowed";
        if (header.Incarnation < 0 || header.Generation < 0 || header.Step < 0 || header.Timeline < 0
            || header.From < 0 || header.To < 0 || header.Block < 0 || header.Count < 0 || header.Targets < 0)
        {
            return "a negative number in a frame header";
        }
        var (start, size) = (header.Subtree.Start, header.Subtree.Size);
        if (start < 0 || size < 0
            || (size == 0 ? start != 0 : (size & (size - 1)) != 0 || start % size != 0 || start > int.MaxValue - size))
        {
            return $"subtree {start}+{size} is not aligned";
        }
        return null;
    }
}
