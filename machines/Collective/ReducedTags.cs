namespace Coordinator.Machines;

/// <summary>
/// R's tags: the step of which each block of the reduced gradient is. A block takes step s + 1 only when every member's contribution to it
/// has arrived, which proves that all have applied s; so the tags show how far every rank is, and recovery rests on them.
/// </summary>
internal sealed class ReducedTags(int blocks)
{
    private readonly long[] tags = new long[blocks];

    /// <summary>Blocks.</summary>
    public int Count => tags.Length;

    /// <summary>The step of a block; 0: none.</summary>
    public long this[int block]
    {
        get => tags[block];
        set => tags[block] = value;
    }

    /// <summary>Whether all blocks are of a step.</summary>
    public bool IsWhole(long step) => !Array.Exists(tags, tag => tag != step);

    /// <summary>
    /// Blocks of R that took the interrupted step under an older generation are reduced again: their new owners must hand them to
    /// members that lack them. Not all of R can carry that step, or it would have been the plan's target.
    /// </summary>
    public void Forget(long step)
    {
        for (var block = 0; block < tags.Length; block++)
        {
            if (tags[block] == step)
                tags[block] = 0;
        }
    }

    /// <summary>The state is gone, and R with it.</summary>
    public void Clear() => Array.Clear(tags);

    /// <summary>The tags as runs of blocks of one step; none where no block has any.</summary>
    public List<TagRun> Runs()
    {
        var runs = new List<TagRun>();
        for (var block = 0; block < tags.Length; block++)
        {
            if (runs.Count > 0 && runs[^1].Step == tags[block])
                runs[^1] = runs[^1] with { Count = runs[^1].Count + 1 };
            else
                runs.Add(new TagRun(block, 1, tags[block]));
        }

        return runs is [{ Step: 0 }] ? [] : runs;
    }
}
