using System.Runtime.InteropServices;

namespace Coordinator.Worker.Transport;

/// <summary>
/// Payload of one frame in a buffer that goes back to its <see cref="BlockPool"/> with the last <see cref="Release"/>.
/// Whoever is handed one owns a reference.
/// </summary>
public sealed class PooledBlock
{
    private readonly BlockPool pool;
    private readonly byte[] bytes;
    private int references;

    internal PooledBlock(BlockPool pool, int capacity)
    {
        this.pool = pool;
        bytes = GC.AllocateUninitializedArray<byte>(capacity, pinned: true);
    }

    /// <summary>Length of the payload in bytes.</summary>
    public int Length { get; private set; }

    /// <summary>The payload.</summary>
    public ArraySegment<byte> Segment => new(bytes, 0, Length);

    /// <summary>The payload as numbers.</summary>
    public Span<float> Floats => MemoryMarshal.Cast<byte, float>(bytes.AsSpan(0, Length));

    /// <summary>Told once when the last reference goes: gives back what the holder's budget lent.</summary>
    internal SemaphoreSlim? Budget { get; set; }

    /// <summary>One reference more.</summary>
    public void Retain() => Interlocked.Increment(ref references);

    /// <summary>One reference less; after the last, the buffer serves another frame.</summary>
    public void Release()
    {
        var left = Interlocked.Decrement(ref references);
        if (left < 0)
            throw new InvalidOperationException("a payload was released more often than it was held");
        if (left > 0)
            return;
        var budget = Budget;
        Budget = null;
        pool.Return(this);
        budget?.Release();
    }

    internal void Lend(int length)
    {
        Length = length;
        references = 1;
    }
}
