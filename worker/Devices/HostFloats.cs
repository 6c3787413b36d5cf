using System.Runtime.InteropServices;

namespace Coordinator.Worker.Devices;

/// <summary>Takes a piece of numbers: the number of the first, and the numbers.</summary>
public delegate void FloatsTaker(long start, Span<float> piece);

/// <summary>
/// Float32 numbers in host memory, any number of them, in arrays that the collector owns and never moves: so a frame that still leaves
/// when its gradient is disposed of reads memory that is there. As many as one array holds lie in one; more lie in several, each a whole
/// number of blocks long, so that no block is divided. Not thread-safe for the same elements.
/// </summary>
public sealed class HostFloats
{
    /// <summary>Most elements that one array of bytes holds.</summary>
    public const int MostInArray = 0x7FFF_FFC7 / sizeof(float);

    private const int Usual = 1 << 28;

    private readonly byte[][] pieces;
    private readonly long pieceElements;

    /// <summary>Numbers of undefined content.</summary>
    /// <param name="length">How many.</param>
    /// <param name="blockElements">Elements of a block: numbers of one block lie behind each other.</param>
    /// <param name="most">Most elements of an array; for tests.</param>
    public HostFloats(long length, int blockElements = 1, int most = MostInArray)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfLessThan(most, blockElements);
        Length = length;
        pieceElements = length <= most ? Math.Max(length, 1) : Math.Min(most, Usual) / blockElements * (long)blockElements;
        pieces = new byte[(length + pieceElements - 1) / pieceElements][];
        for (var i = 0; i < pieces.Length; i++)
        {
            var elements = Math.Min(pieceElements, length - (i * pieceElements));
            pieces[i] = GC.AllocateUninitializedArray<byte>((int)(elements * sizeof(float)), pinned: true);
        }
    }

    /// <summary>A copy of some.</summary>
    public static HostFloats Of(ReadOnlySpan<float> numbers)
    {
        var copy = new HostFloats(numbers.Length);
        numbers.CopyTo(copy.Whole);
        return copy;
    }

    /// <summary>How many there are.</summary>
    public long Length { get; }

    /// <summary>All of them, where they lie in one array.</summary>
    /// <exception cref="InvalidOperationException">They lie in several.</exception>
    public Span<float> Whole => pieces.Length switch
    {
        0 => [],
        1 => From(0),
        _ => throw new InvalidOperationException($"{Length} numbers lie in {pieces.Length} arrays and have no view that is one."),
    };

    /// <summary>Those from <paramref name="start"/> to the end of their array.</summary>
    public Span<float> From(long start)
    {
        var piece = pieces[start / pieceElements];
        return MemoryMarshal.Cast<byte, float>(piece.AsSpan((int)(start % pieceElements) * sizeof(float)));
    }

    /// <summary>Hands over all of them in order, each array once.</summary>
    public void Walk(FloatsTaker take) => Walk(0, Length, take);

    /// <summary>Hands over <paramref name="count"/> from <paramref name="start"/> on, in order, in pieces of one array each.</summary>
    /// <param name="start">The first.</param>
    /// <param name="count">How many.</param>
    /// <param name="take">Takes a piece.</param>
    /// <param name="most">Most numbers of a piece.</param>
    public void Walk(long start, long count, FloatsTaker take, int most = int.MaxValue)
    {
        for (var at = start; at < start + count;)
        {
            var piece = From(at);
            piece = piece[..(int)Math.Min(Math.Min(piece.Length, most), start + count - at)];
            take(at, piece);
            at += piece.Length;
        }
    }

    /// <summary>Bytes of <paramref name="count"/> elements, which lie in one array: those of a block do.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They are not there, or lie in two arrays.</exception>
    public ArraySegment<byte> Bytes(long start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        if (count == 0)
            return ArraySegment<byte>.Empty;
        var (piece, offset) = (start / pieceElements, start % pieceElements);
        if (start + count > Length || offset + count > pieceElements)
        {
            throw new ArgumentOutOfRangeException(
                nameof(count), count, $"Elements {start} to {start + count - 1} of {Length} do not lie in one array of {pieceElements}.");
        }

        return new ArraySegment<byte>(pieces[piece], (int)offset * sizeof(float), count * sizeof(float));
    }

    /// <summary>The first element whose bits are not those of the other numbers, of which there are as many; null: there is none.</summary>
    public long? FirstDifference(HostFloats other)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(other.Length, Length);
        for (var at = 0L; at < Length;)
        {
            Span<float> mine = From(at), theirs = other.From(at);
            var count = Math.Min(mine.Length, theirs.Length);
            var same = MemoryMarshal.Cast<float, int>(mine[..count]).CommonPrefixLength(MemoryMarshal.Cast<float, int>(theirs[..count]));
            if (same < count)
                return at + same;
            at += count;
        }

        return null;
    }
}
