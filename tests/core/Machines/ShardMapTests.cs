using System.Numerics;
using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

public sealed class ShardMapTests
{
    public static TheoryData<int> Sizes => [4, 8, 16, 64, 256, 4096];

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Every_shard_belongs_to_exactly_one_rank_and_counts_differ_by_at_most_one(int shards)
    {
        foreach (var ranks in Enumerable.Range(1, Math.Min(shards, 70)).Append(shards))
        {
            var map = ShardMap.Cut(shards, ranks);
            var owned = new int[shards];
            foreach (var span in map.SelectMany(spans => spans))
            {
                for (var shard = span.Start; shard < span.Start + span.Count; shard++)
                    owned[shard]++;
            }

            Assert.All(owned, times => Assert.Equal(1, times));
            var counts = map.Select(spans => spans.Sum(span => span.Count)).ToArray();
            Assert.True(counts.Max() - counts.Min() <= 1, $"{shards} shards over {ranks} ranks: {string.Join(' ', counts)}");
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_rank_contributes_at_most_as_many_subtrees_as_its_count_has_one_bits(int shards)
    {
        foreach (var ranks in Enumerable.Range(1, Math.Min(shards, 70)))
        {
            foreach (var spans in ShardMap.Cut(shards, ranks))
            {
                var count = spans.Sum(span => span.Count);
                var subtrees = Subtree.Cover(spans.OrderBy(span => span.Start)).Count();
                Assert.True(subtrees <= BitOperations.PopCount((uint)count));
                Assert.True(subtrees <= 3 || BitOperations.PopCount((uint)count) > 3);
            }
        }
    }

    [Fact]
    public void More_ranks_than_shards_are_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => ShardMap.Cut(4, 5));

    [Fact]
    public void Slices_cover_all_blocks_and_the_owner_of_a_block_is_the_rank_whose_slice_holds_it()
    {
        for (var blocks = 1; blocks < 60; blocks++)
        {
            for (var ranks = 1; ranks < 40; ranks++)
            {
                for (var block = 0; block < blocks; block++)
                {
                    var owner = SliceMap.OwnerOf(blocks, ranks, block);
                    Assert.InRange(block, SliceMap.Start(blocks, ranks, owner), SliceMap.Start(blocks, ranks, owner + 1) - 1);
                }
            }
        }
    }

    [Fact]
    public void A_cover_is_made_of_the_largest_aligned_subtrees()
    {
        Assert.Equal([new Subtree(0, 8)], Subtree.Cover(0, 8));
        Assert.Equal([new Subtree(1, 1), new Subtree(2, 2), new Subtree(4, 4), new Subtree(8, 2)], Subtree.Cover(1, 9));
        Assert.Equal(
            [new Subtree(0, 4), new Subtree(6, 2)], Subtree.Cover([new ShardSpan(0, 2), new ShardSpan(2, 2), new ShardSpan(6, 2)]));
        Assert.Empty(Subtree.Cover(3, 0));
    }
}
