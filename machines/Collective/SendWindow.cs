namespace Coordinator.Machines;

/// <summary>
/// Flow control between ranks: how many blocks of its partial sums a rank may send to each owner of a slice, and how many it lets others
/// send to its own. An owner has staging for a window of blocks, so nobody sends beyond what was granted, and a grant is never taken back.
/// </summary>
internal sealed class SendWindow(RankContext context)
{
    private int[] owners = [];
    private int[] cursors = [];
    private int[] credits = [];
    private int granted;

    /// <summary>Ranks that own a slice.</summary>
    public IReadOnlyList<int> Owners => owners;

    /// <summary>Whether the rank's partial sums of the step are complete, so that they are sent.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>A plan is taken.</summary>
    public void Plan()
    {
        var (blocks, ranks) = (context.Options.ReducedBlocks, context.RankCount);
        owners = blocks >= ranks
            ? [.. Enumerable.Range(0, ranks)]
            : [.. Enumerable.Range(0, blocks).Select(block => SliceMap.OwnerOf(blocks, ranks, block))];
    }

    /// <summary>A step begins.</summary>
    public void Begin()
    {
        Array.Resize(ref cursors, owners.Length);
        Array.Resize(ref credits, owners.Length);
        for (var i = 0; i < owners.Length; i++)
        {
            cursors[i] = context.SliceStart(owners[i]);
            credits[i] = FirstCredit(owners[i]);
        }

        granted = FirstCredit(context.Rank);
    }

    /// <summary>The partial sums are complete.</summary>
    public void Open() => IsOpen = true;

    /// <summary>The step is applied, or its generation is over.</summary>
    public void Close() => IsOpen = false;

    /// <summary>
    /// Sends block after block to all owners in turn, beginning behind the own rank so that not all begin with the same one.
    /// </summary>
    public void Send(long step, IReadOnlyList<Subtree> cover)
    {
        if (!IsOpen || cover.Count == 0)
            return;
        var behind = Array.BinarySearch(owners, context.Rank + 1);
        for (var sent = true; sent;)
        {
            sent = false;
            for (var i = 0; i < owners.Length; i++)
            {
                var at = ((behind < 0 ? ~behind : behind) + i) % owners.Length;
                if (owners[at] == context.Rank || cursors[at] >= credits[at])
                    continue;
                var block = cursors[at]++;
                foreach (var subtree in cover)
                {
                    var header = context.Header(FrameKind.Contribution, owners[at], step) with { Block = block, Subtree = subtree };
                    context.Do(new SendFrame(header, PayloadSource.Partial));
                }

                sent = true;
            }
        }
    }

    /// <summary>An owner lets the rank send up to a block of its slice. False where it owns none.</summary>
    public bool Take(int from, int block)
    {
        var owner = Array.BinarySearch(owners, from);
        if (owner < 0)
            return false;
        credits[owner] = Math.Max(credits[owner], block);
        return true;
    }

    /// <summary>Lets contributors go on once half a window is finished: by then staging has room for as much again.</summary>
    public void Grant(long step, ReducedTags tags, ShardCut cut)
    {
        var end = context.SliceStart(context.Rank + 1);
        if (granted >= end)
            return;
        var done = context.SliceStart(context.Rank);
        while (done < end && tags[done] == step)
            done++;
        var window = context.Options.WindowBlocks;
        var next = Math.Min(end, done + window);
        if (next < end && next - granted < (window + 1) / 2)
            return;
        granted = next;
        for (var other = 0; other < context.RankCount; other++)
        {
            if (other != context.Rank && cut.CoverOf(other).Count > 0)
                context.Send(context.Header(FrameKind.Credit, other, step) with { Block = granted });
        }
    }

    /// <summary>Blocks of an owner's slice that may be sent before it has granted any.</summary>
    private int FirstCredit(int owner) => Math.Min(context.SliceStart(owner + 1), context.SliceStart(owner) + context.Options.WindowBlocks);
}
