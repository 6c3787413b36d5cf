using Coordinator.Machines;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// The shards of one rank in <see cref="ShardMap"/>, without the map: a process with thousands of agents cannot make it for each.
/// </summary>
internal static class AgentShards
{
    /// <summary>
    /// The spans of <paramref name="rank"/>, largest first, of <paramref name="shards"/> (a power of two) over <paramref name="ranks"/>.
    /// </summary>
    public static IReadOnlyList<ShardSpan> Of(int shards, int ranks, int rank)
    {
        var (count, more) = (shards / ranks, shards % ranks);
        List<ShardSpan> spans = [];
        var start = 0;
        for (var size = shards; size > 0; size >>= 1)
        {
            // Ranks below `more` have one shard more than the others: of both kinds, those whose count has this power of two.
            var ofMore = ((count + 1) & size) != 0;
            var ofOthers = (count & size) != 0;
            if (rank < more ? ofMore : ofOthers)
            {
                spans.Add(new ShardSpan(
                    start + (size * ((ofMore ? Math.Min(rank, more) : 0) + (ofOthers ? Math.Max(0, rank - more) : 0))), size));
            }
            start += size * ((ofMore ? more : 0) + (ofOthers ? ranks - more : 0));
        }

        return spans;
    }
}
