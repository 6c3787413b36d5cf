using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

public sealed class ShardAssignmentTests
{
    private static readonly JobId Job = new("j");

    private static GpuId[] Members(params IEnumerable<int> numbers) =>
        [.. numbers.Select(number => new GpuId(new NodeId($"n{number:0000}"), 0))];

    private static ShardsAssigned Folded(IReadOnlyList<ShardRun> whole, int shards, GpuId[] now, params IReadOnlyList<GpuId>[] earlier)
    {
        var (start, runs) = ShardAssignment.Fold(whole, shards, now, earlier);
        return new ShardsAssigned(Job, 1, 1, runs, start);
    }

    private static IReadOnlyList<ShardRun> Map(int shards, int ranks) =>
        [.. ShardMap.Cut(shards, ranks).SelectMany((spans, rank) => spans.Select(span => new ShardRun(rank, span.Start, span.Count)))
            .OrderBy(run => run.Start)];

    [Theory]
    [InlineData(4, 4)]
    [InlineData(4096, 3000)]
    public void The_map_itself_needs_no_runs(int shards, int ranks)
    {
        var assignment = Folded(Map(shards, ranks), shards, Members(Enumerable.Range(0, ranks)));
        Assert.Empty(assignment.Runs);
        Assert.Equal(Map(shards, ranks), ShardAssignment.Unfold(assignment, shards));
    }

    [Fact]
    public void A_rank_that_is_lost_among_thousands_costs_as_many_runs_as_it_had()
    {
        // Rank 1000 of 3000 goes: those after it are numbered one lower, and keep what they had; its own shards go to ranks 5 and 6.
        var shards = 4096;
        var whole = ShardAssignment.Runs([.. Owners(Map(shards, 3000), shards).Select(
            (owner, shard) => owner == 1000 ? 5 + (shard % 2) : owner > 1000 ? owner - 1 : owner)]);
        var assignment = Folded(
            whole, shards, Members(Enumerable.Range(0, 3000).Where(number => number != 1000)), Members(Enumerable.Range(0, 3000)));
        Assert.Equal([1000], assignment.Base!.Gone);
        Assert.Empty(assignment.Base.Came);
        Assert.InRange(assignment.Runs.Count, 1, 2);
        Assert.Equal(whole, ShardAssignment.Unfold(assignment, shards));
    }

    [Fact]
    public void Ranks_that_come_in_between_shift_the_others_and_need_no_runs()
    {
        var before = Members(Enumerable.Range(0, 2000).Select(number => 2 * number));
        var now = Members([.. Enumerable.Range(0, 2000).Select(number => 2 * number), 1001, 3001, 9999]).Order().ToArray();
        var whole = ShardAssignment.Runs([.. Owners(Map(2048, 2000), 2048).Select(owner => Array.IndexOf(now, before[owner]))]);
        var assignment = Folded(whole, 2048, now, before);
        Assert.Empty(assignment.Runs);
        Assert.Equal([501, 1502, 2002], assignment.Base!.Came);
        Assert.Equal(whole, ShardAssignment.Unfold(assignment, 2048));
    }

    [Fact]
    public void Whatever_is_assigned_comes_back_the_same_and_is_never_longer()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var draw = new Random(seed);
            var shards = 4 << draw.Next(7);
            var before = Members(Enumerable.Range(0, shards + 8).OrderBy(_ => draw.Next()).Take(1 + draw.Next(shards)).Order());
            var now = Members(Enumerable.Range(0, shards + 8).OrderBy(_ => draw.Next()).Take(1 + draw.Next(shards)).Order());
            var map = Owners(Map(shards, before.Length), shards);
            var whole = ShardAssignment.Runs([.. map.Select(owner =>
                Array.BinarySearch(now, before[owner]) is >= 0 and var stays && draw.Next(8) > 0 ? stays : draw.Next(now.Length))]);
            var assignment = Folded(whole, shards, now, before, now);
            Assert.Equal(whole, ShardAssignment.Unfold(assignment, shards));
            Assert.InRange(assignment.Runs.Count + (assignment.Base?.Gone.Count ?? 0) + (assignment.Base?.Came.Count ?? 0), 0, whole.Count);
        }
    }

    [Fact]
    public void Where_no_step_is_left_nothing_is_assigned()
    {
        var assignment = Folded([], 8, Members(0, 1), Members(0, 1, 2));
        Assert.Null(assignment.Base);
        Assert.Empty(ShardAssignment.Unfold(assignment, 8));
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
    public void An_assignment_that_cannot_be_is_refused(int ranks, int[] gone, int[] came, int rank, int start, int count, string reason)
    {
        var refused = Assert.Throws<FormatException>(
            () => ShardAssignment.Unfold(
                new ShardsAssigned(Job, 1, 1, [new ShardRun(rank, start, count)], new AssignmentBase(ranks, gone, came)), 8));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Orders_carry_it_under_the_name_that_earlier_builds_gave_it()
    {
        var orders = new NodeOrders(Job, 1, null, [], Assignment: new ShardsAssigned(Job, 1, 1, [new ShardRun(0, 0, 8)]));
        const string Written =
            """{"kind":"node-orders","job":"j","incarnation":1,"orders":[],"deal":"""
            + """{"job":"j","incarnation":1,"generation":1,"runs":[{"rank":0,"start":0,"count":8}]}}""";

        Assert.Equal(Written, JsonSerializer.Serialize(orders, MachinesJson.Default.GrainMessage));
        Assert.Equal([new ShardRun(0, 0, 8)], Assert.IsType<NodeOrders>(JsonSerializer.Deserialize(Written, MachinesJson.Default.GrainMessage)).Assignment!.Runs);
    }

    private static int[] Owners(IReadOnlyList<ShardRun> runs, int shards)
    {
        var owners = new int[shards];
        foreach (var run in runs)
            Array.Fill(owners, run.Rank, run.Start, run.Count);
        return owners;
    }
}
