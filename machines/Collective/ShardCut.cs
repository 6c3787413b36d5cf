namespace Coordinator.Machines;

/// <summary>
/// Who contributes which subtrees to a step: spans of shards by rank, their largest aligned subtrees, and all of those in the tree's
/// order. A pure function of its arguments, and immutable: the ranks of one worker share one, since with thousands of ranks each
/// making its own would cost more than a step.
/// </summary>
public sealed class ShardCut
{
    private readonly IReadOnlyList<ShardSpan>[] spans;
    private readonly Subtree[][] covers;
    private readonly Subtree[] parts;
    private readonly int[] partAt;

    private ShardCut(int shards, IReadOnlyList<ShardSpan>[] spans)
    {
        Shards = shards;
        this.spans = spans;
        covers = [.. spans.Select(mine => Subtree.Cover(mine).ToArray())];
        parts = [.. covers.SelectMany(cover => cover).Order()];
        partAt = new int[shards];
        Array.Fill(partAt, -1);
        for (var i = 0; i < parts.Length; i++)
            partAt[parts[i].Start] = i;
        Silent = covers.Count(cover => cover.Length == 0);
    }

    /// <summary>L.</summary>
    public int Shards { get; }

    /// <summary>Ranks that the shards are assigned to.</summary>
    public int Ranks => spans.Length;

    /// <summary>Ranks without a shard.</summary>
    public int Silent { get; }

    /// <summary>All subtrees that are contributed, in the tree's order.</summary>
    public IReadOnlyList<Subtree> Parts => parts;

    /// <summary>The cut that <see cref="ShardMap"/> makes of <paramref name="shards"/> for <paramref name="ranks"/>.</summary>
    public static ShardCut Of(int shards, int ranks) =>
        new(shards, [.. ShardMap.Cut(shards, ranks).Select(mine => mine.OrderBy(span => span.Start).ToArray())]);

    /// <summary>The cut that a job assigned for an interrupted step.</summary>
    public static ShardCut Of(int shards, int ranks, IEnumerable<ShardRun> runs)
    {
        var spans = new List<ShardSpan>[ranks];
        for (var rank = 0; rank < ranks; rank++)
            spans[rank] = [];
        foreach (var run in runs.OrderBy(run => run.Start))
            spans[run.Rank].Add(new ShardSpan(run.Start, run.Count));
        return new ShardCut(shards, spans);
    }

    /// <summary>Shards of a rank, sorted.</summary>
    public IReadOnlyList<ShardSpan> SpansOf(int rank) => spans[rank];

    /// <summary>Subtrees that a rank contributes, in order.</summary>
    public IReadOnlyList<Subtree> CoverOf(int rank) => covers[rank];

    /// <summary>Place of a subtree among <see cref="Parts"/>; -1 where nobody contributes it.</summary>
    public int PlaceOf(Subtree subtree) =>
        subtree.Start >= 0 && subtree.Start < Shards && partAt[subtree.Start] is >= 0 and var place && parts[place] == subtree ? place : -1;
}

/// <summary>Both cuts of a generation: that of its first step, as the job assigned it, and that of all later ones.</summary>
/// <param name="First">The plan's first step, which may be an interrupted one.</param>
/// <param name="Later">From the second step on: a pure function of membership.</param>
public sealed record GenerationCuts(ShardCut First, ShardCut Later)
{
    /// <summary>The cuts of <paramref name="ranks"/> members.</summary>
    public static GenerationCuts Of(int shards, int ranks, IEnumerable<ShardRun> firstStep) =>
        new(ShardCut.Of(shards, ranks, firstStep), ShardCut.Of(shards, ranks));
}
