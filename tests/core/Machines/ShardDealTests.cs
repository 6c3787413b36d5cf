using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

public sealed class ShardDealTests
{
    private static readonly JobId Job = new("j");

    private static GpuId[] Members(params IEnumerable<int> numbers) =>
        [.. numbers.Select(number => new GpuId(new NodeId($"n{number:0000}"), 0))];

    private static ShardsDealt Folded(IReadOnlyList<ShardRun> whole, int shards, GpuId[] now, params IReadOnlyList<GpuId>[] earlier)
    {
        var (start, runs) = ShardDeal.Fold(whole, shards, now, earlier);
        return new ShardsDealt(Job, 1, 1, runs, start);
    }

    private static IReadOnlyList<ShardRun> Map(int shards, int ranks) =>
        [.. ShardMap.Cut(shards, ranks).SelectMany((spans, rank) => spans.Select(span => new ShardRun(rank, span.Start, span.Count)))
            .OrderBy(run => run.Start)];

    [Theory]
    [InlineData(4, 4)]
    [InlineData(4096, 3000)]
    public void The_map_itself_needs_no_runs(int shards, int ranks)
    {
        var deal = Folded(Map(shards, ranks), shards, Members(Enumerable.Range(0, ranks)));
        Assert.Empty(deal.Runs);
        Assert.Equal(Map(shards, ranks), ShardDeal.Unfold(deal, shards));
    }

    [Fact]
    public void A_rank_that_is_lost_among_thousands_costs_as_many_runs_as_it_had()
    {
        // Rank 1000 of 3000 goes: those after it are numbered one lower, and keep what they had; its own shards go to ranks 5 and 6.
        var shards = 4096;
        var whole = ShardDeal.Runs([.. Owners(Map(shards, 3000), shards).Select(
            (owner, shard) => owner == 1000 ? 5 + (shard % 2) : owner > 1000 ? owner - 1 : owner)]);
        var deal = Folded(
            whole, shards, Members(Enumerable.Range(0, 3000).Where(number => number != 1000)), Members(Enumerable.Range(0, 3000)));
        Assert.Equal([1000], deal.Base!.Gone);
        Assert.Empty(deal.Base.Came);
        Assert.InRange(deal.Runs.Count, 1, 2);
        Assert.Equal(whole, ShardDeal.Unfold(deal, shards));
    }

    [Fact]
    public void Ranks_that_come_in_between_shift_the_others_and_need_no_runs()
    {
        var before = Members(Enumerable.Range(0, 2000).Select(number => 2 * number));
        var now = Members([.. Enumerable.Range(0, 2000).Select(number => 2 * number), 1001, 3001, 9999]).Order().ToArray();
        var whole = ShardDeal.Runs([.. Owners(Map(2048, 2000), 2048).Select(owner => Array.IndexOf(now, before[owner]))]);
        var deal = Folded(whole, 2048, now, before);
        Assert.Empty(deal.Runs);
        Assert.Equal([501, 1502, 2002], deal.Base!.Came);
        Assert.Equal(whole, ShardDeal.Unfold(deal, 2048));
    }

    [Fact]
    public void Whatever_is_dealt_comes_back_the_same_and_is_never_longer()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var draw = new Random(seed);
            var shards = 4 << draw.Next(7);
            var before = Members(Enumerable.Range(0, shards + 8).OrderBy(_ => draw.Next()).Take(1 + draw.Next(shards)).Order());
            var now = Members(Enumerable.Range(0, shards + 8).OrderBy(_ => draw.Next()).Take(1 + draw.Next(shards)).Order());
            var map = Owners(Map(shards, before.Length), shards);
            var whole = ShardDeal.Runs([.. map.Select(owner =>
                Array.BinarySearch(now, before[owner]) is >= 0 and var stays && draw.Next(8) > 0 ? stays : draw.Next(now.Length))]);
            var deal = Folded(whole, shards, now, before, now);
            Assert.Equal(whole, ShardDeal.Unfold(deal, shards));
            Assert.InRange(deal.Runs.Count + (deal.Base?.Gone.Count ?? 0) + (deal.Base?.Came.Count ?? 0), 0, whole.Count);
        }
    }

    [Fact]
    public void Where_no_step_is_left_nothing_is_dealt()
    {
        var deal = Folded([], 8, Members(0, 1), Members(0, 1, 2));
        Assert.Null(deal.Base);
        Assert.Empty(ShardDeal.Unfold(deal, 8));
    }

    [Theory]
    [InlineData(3, new int[0], new int[0], 0, 0, 9, "shards 0 to 8 of 8")]
    [InlineData(3, new int[0], new int[0], 3, 0, 1, "rank 3 of 3")]
    [InlineData(9, new int[0], new int[0], 0, 0, 1, "from 9 ranks to 9")]
    [InlineData(3, new[] { 0, 1, 2 }, new int[0], 0, 0, 1, "from 3 ranks to 0")]
    [InlineData(3, new[] { 2, 1 }, new int[0], 0, 0, 1, "rank 1 as gone")]
    [InlineData(3, new[] { 3 }, new int[0], 0, 0, 1, "rank 3 as gone")]
    [InlineData(3, new int[0], new[] { 4 }, 0, 0, 1, "rank 4 as new")]
    [InlineData(3, new[] { 1 }, new int[0], 0, 0, 1, "leaves shard 2 to nobody")]
    public void A_deal_that_cannot_be_is_refused(int ranks, int[] gone, int[] came, int rank, int start, int count, string reason)
    {
        var refused = Assert.Throws<FormatException>(
            () => ShardDeal.Unfold(new ShardsDealt(Job, 1, 1, [new ShardRun(rank, start, count)], new DealBase(ranks, gone, came)), 8));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    private static int[] Owners(IReadOnlyList<ShardRun> runs, int shards)
    {
        var owners = new int[shards];
        foreach (var run in runs)
            Array.Fill(owners, run.Rank, run.Start, run.Count);
        return owners;
    }
}
