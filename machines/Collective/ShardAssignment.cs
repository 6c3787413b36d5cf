namespace Coordinator.Machines;

/// <summary>
/// A shard map that an assignment departs from: <see cref="ShardMap"/> over an earlier generation's ranks, whose shards stay where they
/// were though ranks are numbered anew. Shards of ranks that are gone are nobody's, and are all among the assignment's runs.
/// </summary>
/// <param name="Ranks">Ranks of the earlier generation.</param>
/// <param name="Gone">Those of them that are members no more, ascending, by their earlier numbers.</param>
/// <param name="Came">Ranks that have no earlier number, ascending, by their present ones.</param>
public sealed record AssignmentBase(int Ranks, IReadOnlyList<int> Gone, IReadOnlyList<int> Came)
{
    /// <summary>Ranks of the generation that the assignment is for.</summary>
    public int RanksNow => Ranks - Gone.Count + Came.Count;
}

/// <summary>
/// Tells the interrupted step's shards by what is out of the ordinary. Survivors go on with what the map gave them before, so that
/// of thousands of runs only those of the ranks that were lost say anything new; told in full to every node, a recovery's bytes would
/// grow with the square of the ranks.
/// </summary>
public static class ShardAssignment
{
    /// <summary>The assignment in as few runs as one of the bases allows.</summary>
    /// <param name="runs">The whole assignment: runs that cover 0 to <paramref name="shards"/> - 1 once, ascending.</param>
    /// <param name="shards">L.</param>
    /// <param name="members">The generation's members, sorted.</param>
    /// <param name="earlier">Members, sorted, of generations whose maps the ranks may still go by; tried beside the present map.</param>
    /// <returns>A base and the runs that differ from it; no base, and all runs, where that is shorter.</returns>
    public static (AssignmentBase? Base, IReadOnlyList<ShardRun> Runs) Fold(
        IReadOnlyList<ShardRun> runs, int shards, IReadOnlyList<GpuId> members, params ReadOnlySpan<IReadOnlyList<GpuId>> earlier)
    {
        (AssignmentBase? Base, IReadOnlyList<ShardRun> Runs) best = (null, runs);
        var length = runs.Count;
        if (length == 0)
            return best;
        var owners = Owners(runs, shards);
        Try(new AssignmentBase(members.Count, [], []));
        foreach (var before in earlier)
        {
            if (before.Count > 0 && before.Count <= shards)
                Try(Between(before, members));
        }

        return best;

        void Try(AssignmentBase candidate)
        {
            var differing = Difference(owners, Owners(candidate, shards));
            if (differing.Count + candidate.Gone.Count + candidate.Came.Count >= length)
                return;
            length = differing.Count + candidate.Gone.Count + candidate.Came.Count;
            best = (candidate, differing);
        }
    }

    /// <summary>The whole assignment that was folded.</summary>
    /// <exception cref="FormatException">It is none: numbers of ranks or shards are out of range, or out of order, or a shard is left to
    /// nobody.</exception>
    public static IReadOnlyList<ShardRun> Unfold(ShardsAssigned assignment, int shards)
    {
        if (assignment.Base is not { } start)
            return assignment.Runs;
        if (start.Ranks < 1 || start.Ranks > shards || start.RanksNow < 1 || start.RanksNow > shards)
        {
            throw new FormatException(
                $"an assignment of {shards} shards goes from {start.Ranks} ranks to {start.RanksNow}; both are 1 to {shards}");
        }
        Check("gone", start.Gone, start.Ranks);
        Check("new", start.Came, start.RanksNow);
        var owners = Owners(start, shards);
        foreach (var run in assignment.Runs)
        {
            if (run.Start < 0 || run.Count < 1 || run.Start > shards - run.Count || run.Rank < 0 || run.Rank >= start.RanksNow)
            {
                throw new FormatException(
                    $"an assignment gives shards {run.Start} to {(long)run.Start + run.Count - 1} of {shards} to rank "
                        + $"{run.Rank} of {start.RanksNow}");
            }
            Array.Fill(owners, run.Rank, run.Start, run.Count);
        }

        return Array.IndexOf(owners, -1) is >= 0 and var open ? throw new FormatException(
            $"an assignment leaves shard {open} to nobody") : Runs(owners);
    }

    /// <summary>The assignment as runs: neighbouring shards of one rank are one.</summary>
    /// <param name="owners">Rank by shard.</param>
    public static IReadOnlyList<ShardRun> Runs(IReadOnlyList<int> owners)
    {
        var runs = new List<ShardRun>();
        for (var shard = 0; shard < owners.Count; shard++)
        {
            if (runs.Count > 0 && runs[^1].Rank == owners[shard])
                runs[^1] = runs[^1] with { Count = runs[^1].Count + 1 };
            else
                runs.Add(new ShardRun(owners[shard], shard, 1));
        }

        return runs;
    }

    private static void Check(string what, IReadOnlyList<int> numbers, int ranks)
    {
        for (var i = 0; i < numbers.Count; i++)
        {
            if (numbers[i] < 0 || numbers[i] >= ranks || (i > 0 && numbers[i] <= numbers[i - 1]))
                throw new FormatException($"an assignment names rank {numbers[i]} as {what}; they ascend from 0 to {ranks - 1}");
        }
    }

    /// <summary>What became of an earlier generation's ranks. Both lists are sorted, so members that stay keep their order.</summary>
    private static AssignmentBase Between(IReadOnlyList<GpuId> before, IReadOnlyList<GpuId> now)
    {
        List<int> gone = [], came = [];
        var (old, present) = (0, 0);
        while (old < before.Count || present < now.Count)
        {
            var order = old == before.Count ? 1 : present == now.Count ? -1 : before[old].CompareTo(now[present]);
            if (order < 0)
                gone.Add(old);
            if (order > 0)
                came.Add(present);
            if (order <= 0)
                old++;
            if (order >= 0)
                present++;
        }

        return new AssignmentBase(before.Count, gone, came);
    }

    private static int[] Owners(IReadOnlyList<ShardRun> runs, int shards)
    {
        var owners = new int[shards];
        Array.Fill(owners, -1);
        foreach (var run in runs)
            Array.Fill(owners, run.Rank, run.Start, run.Count);
        return owners;
    }

    private static int[] Owners(AssignmentBase start, int shards)
    {
        var owners = new int[shards];
        Array.Fill(owners, -1);
        var (gone, came, now) = (0, 0, 0);
        foreach (var spans in ShardMap.Cut(shards, start.Ranks).Select((spans, rank) => (Spans: spans, Rank: rank)))
        {
            if (gone < start.Gone.Count && start.Gone[gone] == spans.Rank)
            {
                gone++;
                continue;
            }

            for (; came < start.Came.Count && start.Came[came] == now; came++)
                now++;
            foreach (var span in spans.Spans)
                Array.Fill(owners, now, span.Start, span.Count);
            now++;
        }

        return owners;
    }

    private static List<ShardRun> Difference(int[] owners, int[] start)
    {
        var runs = new List<ShardRun>();
        for (var shard = 0; shard < owners.Length; shard++)
        {
            if (owners[shard] == start[shard])
                continue;
            if (runs.Count > 0 && runs[^1] is var last && last.Rank == owners[shard] && last.Start + last.Count == shard)
                runs[^1] = last with { Count = last.Count + 1 };
            else
                runs.Add(new ShardRun(owners[shard], shard, 1));
        }

        return runs;
    }
}
