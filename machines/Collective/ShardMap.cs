using System.Numerics;

namespace Coordinator.Machines;

/// <summary>
/// Who computes which shards: a pure function of (L, ranks), so that every member derives the same map from the same membership.
/// Counts differ by at most one. A rank's share is made of the powers of two of its count, each an aligned subtree, laid out from the
/// largest to the smallest: as every larger size divides what lies before, all pieces are aligned. So a rank contributes as many
/// subtrees as its count has one-bits: at most three up to 14 shards a rank, and never more than the count's length in bits.
/// </summary>
public static class ShardMap
{
    /// <summary>
    /// The map of <paramref name="shards"/> (a power of two) over <paramref name="ranks"/> (1 to <paramref name="shards"/>), as spans by
    /// rank, each sorted.
    /// </summary>
    public static IReadOnlyList<IReadOnlyList<ShardSpan>> Cut(int shards, int ranks)
    {
        if (ranks < 1 || ranks > shards || !BitOperations.IsPow2(shards))
        {
            throw new ArgumentOutOfRangeException(
                nameof(ranks), $"{shards} shards cannot be assigned to {ranks} ranks: shards is a power of two and no rank goes without");
        }
        var spans = new List<ShardSpan>[ranks];
        for (var rank = 0; rank < ranks; rank++)
            spans[rank] = [];
        var start = 0;
        for (var size = shards; size > 0; size >>= 1)
        {
            for (var rank = 0; rank < ranks; rank++)
            {
                var count = (shards / ranks) + (rank < shards % ranks ? 1 : 0);
                if ((count & size) == 0)
                    continue;
                spans[rank].Add(new ShardSpan(start, size));
                start += size;
            }
        }

        return spans;
    }
}

/// <summary>Who finishes which blocks of the gradient: contiguous slices in rank order, a pure function of (blocks, ranks).</summary>
public static class SliceMap
{
    /// <summary>First block of a rank's slice; that of rank = ranks is the number of blocks.</summary>
    public static int Start(int blocks, int ranks, int rank) => (int)((long)blocks * rank / ranks);

    /// <summary>The rank whose slice holds a block.</summary>
    /// <remarks>
    /// The largest rank whose slice starts at or before the block. A slice starts at the floor of blocks * rank / ranks, which is at most
    /// the block exactly where blocks * rank is less than (block + 1) * ranks.
    /// </remarks>
    public static int OwnerOf(int blocks, int ranks, int block) => (int)((((long)block + 1) * ranks - 1) / blocks);
}
