using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

public sealed class ShardCutTests
{
    [Theory]
    [InlineData(8, 1)]
    [InlineData(8, 3)]
    [InlineData(64, 60)]
    [InlineData(4096, 3072)]
    public void The_parts_of_a_cut_are_the_covers_of_its_ranks_in_the_trees_order(int shards, int ranks)
    {
        var cut = ShardCut.Of(shards, ranks);

        Assert.Equal(Enumerable.Range(0, ranks).SelectMany(cut.CoverOf).Order(), cut.Parts);
        Assert.Equal(0, cut.Parts[0].Start);
        Assert.Equal(shards, cut.Parts[^1].End);
        for (var i = 0; i < cut.Parts.Count; i++)
            Assert.Equal(i, cut.PlaceOf(cut.Parts[i]));
        for (var rank = 0; rank < ranks; rank++)
            Assert.Equal(ShardMap.Cut(shards, ranks)[rank].OrderBy(span => span.Start), cut.SpansOf(rank));
    }

    [Fact]
    public void A_subtree_that_nobody_contributes_has_no_place()
    {
        var cut = ShardCut.Of(8, 2, [new ShardRun(1, 0, 4), new ShardRun(0, 4, 4)]);

        Assert.Equal([new Subtree(0, 4), new Subtree(4, 4)], cut.Parts);
        Assert.Equal(-1, cut.PlaceOf(new Subtree(0, 8)));
        Assert.Equal(-1, cut.PlaceOf(new Subtree(2, 2)));
        Assert.Equal(-1, cut.PlaceOf(new Subtree(8, 1)));
        Assert.Equal(-1, cut.PlaceOf(new Subtree(-1, 1)));
    }

    [Fact]
    public void Ranks_without_a_shard_are_counted_as_silent() =>
        Assert.Equal(2, ShardCut.Of(4, 3, [new ShardRun(1, 0, 4)]).Silent);
}
