namespace Coordinator.Machines;

/// <summary>
/// What an owner has gathered for one step: contributions to each block of its slice, and who has nothing to add. A contribution lies
/// where its subtree stands in the tree, so that nothing has to be searched or sorted.
/// </summary>
internal sealed class StepGather(long step, int firstBlock, int blocks, ShardCut cut)
{
    private readonly long[]?[] payloads = new long[]?[blocks];
    private readonly int[] counts = new int[blocks];
    private readonly HashSet<int> ready = [];

    /// <summary>The step.</summary>
    public long Step => step;

    /// <summary>Members that said <see cref="FrameKind.Ready"/>.</summary>
    public int ReadyCount => ready.Count;

    /// <summary>Notes that a member has nothing to add; false where it said so before.</summary>
    public bool AddReady(int rank) => ready.Add(rank);

    /// <summary>Notes a staged contribution; false where the block has that subtree already, or nobody is to contribute it.</summary>
    public bool Add(int block, Subtree subtree, long payload)
    {
        var place = cut.PlaceOf(subtree);
        if (place < 0)
            return false;
        var staged = payloads[block - firstBlock] ??= new long[cut.Parts.Count];
        if (staged[place] != 0)
            return false;
        staged[place] = payload;
        counts[block - firstBlock]++;
        return true;
    }

    /// <summary>Number of contributions staged for a block.</summary>
    public int CountOf(int block) => counts[block - firstBlock];

    /// <summary>Takes out what is staged for a block: all parts in the tree's order, payload 0 where none is staged.</summary>
    public BlockPart[] Take(int block)
    {
        var staged = payloads[block - firstBlock];
        payloads[block - firstBlock] = null;
        counts[block - firstBlock] = 0;
        var parts = new BlockPart[cut.Parts.Count];
        for (var i = 0; i < parts.Length; i++)
            parts[i] = new BlockPart(cut.Parts[i], staged is null ? 0 : staged[i]);
        return parts;
    }

    /// <summary>Handles of everything still staged.</summary>
    public IEnumerable<long> Payloads() =>
        payloads.Where(staged => staged is not null).SelectMany(staged => staged!).Where(payload => payload != 0);
}
