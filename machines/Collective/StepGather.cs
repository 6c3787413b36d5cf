namespace Coordinator.Machines;

/// <summary>What an owner has gathered for one step: contributions to each block of its slice, and who has nothing to add.</summary>
internal sealed class StepGather(long step, int firstBlock, int blocks)
{
    private readonly List<BlockPart>?[] parts = new List<BlockPart>?[blocks];
    private readonly SortedSet<int> ready = [];

    /// <summary>The step.</summary>
    public long Step => step;

    /// <summary>Members that said <see cref="FrameKind.Ready"/>.</summary>
    public int ReadyCount => ready.Count;

    /// <summary>Notes that a member has nothing to add; false where it said so before.</summary>
    public bool AddReady(int rank) => ready.Add(rank);

    /// <summary>Notes a staged contribution; false where the block has that subtree already.</summary>
    public bool Add(int block, BlockPart part)
    {
        var list = parts[block - firstBlock] ??= [];
        foreach (var existing in list)
        {
            if (existing.Subtree.Overlaps(part.Subtree))
                return false;
        }

        list.Add(part);
        return true;
    }

    /// <summary>Number of contributions staged for a block.</summary>
    public int CountOf(int block) => parts[block - firstBlock]?.Count ?? 0;

    /// <summary>Takes out what is staged for a block.</summary>
    public IReadOnlyList<BlockPart> Take(int block)
    {
        var list = parts[block - firstBlock];
        parts[block - firstBlock] = null;
        return list is null ? [] : list;
    }

    /// <summary>Handles of everything still staged.</summary>
    public IEnumerable<long> Payloads() => parts.Where(list => list is not null).SelectMany(list => list!).Select(part => part.Payload);
}
