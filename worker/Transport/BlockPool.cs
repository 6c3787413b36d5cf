using System.Collections.Concurrent;

namespace Coordinator.Worker.Transport;

/// <summary>
/// Buffers of one size for frame payloads. It never refuses: what bounds memory is the credit that owners grant and the budget
/// of each connection. It keeps at most <paramref name="keep"/> buffers at rest and leaves the others to the collector.
/// </summary>
public sealed class BlockPool(int blockBytes, int keep = 512)
{
    private readonly ConcurrentBag<PooledBlock> free = [];
    private int resting;

    /// <summary>Size of a buffer, bytes.</summary>
    public int BlockBytes { get; } = blockBytes;

    /// <summary>A buffer with <paramref name="length"/> bytes of undefined content and one reference.</summary>
    public PooledBlock Rent(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, BlockBytes);
        if (free.TryTake(out var block))
            Interlocked.Decrement(ref resting);
        else
            block = new PooledBlock(this, BlockBytes);
        block.Lend(length);
        return block;
    }

    internal void Return(PooledBlock block)
    {
        if (Interlocked.Increment(ref resting) <= keep)
            free.Add(block);
        else
            Interlocked.Decrement(ref resting);
    }
}
