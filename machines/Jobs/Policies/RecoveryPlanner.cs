using System.Numerics;

namespace Coordinator.Machines.Jobs.Policies;

/// <summary>Where every member goes on, and why.</summary>
/// <param name="Target">T: the step that all members must have applied before they compute.</param>
/// <param name="Members">By rank: how it gets there, and from whom.</param>
/// <param name="FirstStepShards">Who computes what in step T + 1; empty where T is the last step.</param>
/// <param name="HeldShards">Shards of step T + 1 that need not be computed again.</param>
/// <param name="Reason">One line for people.</param>
public sealed record RecoveryDecision(
    long Target, IReadOnlyList<MemberCatchUp> Members, IReadOnlyList<ShardRun> FirstStepShards, int HeldShards, string Reason);

/// <summary>One member's way to the target.</summary>
public sealed record MemberCatchUp(CatchUp Way, IReadOnlyList<DonorRun> Donors);

/// <summary>
/// The recovery plan as a pure function of the members' answers. The target is the highest step that any member has applied, or
/// holds the whole reduced gradient of; survivors keep the partial sums of the interrupted step, and only what nobody holds is assigned.
/// </summary>
public static class RecoveryPlanner
{
    /// <summary>Most donors that serve one newcomer.</summary>
    private const int MaxDonors = 8;

    /// <summary>Decides, or returns null where no member holds the latest state of <paramref name="timeline"/>.</summary>
    /// <param name="states">The members' answers in rank order.</param>
    /// <param name="shards">L.</param>
    /// <param name="steps">N.</param>
    /// <param name="timeline">The job's timeline; state of another counts for nothing.</param>
    /// <param name="recorded">Steps recorded so far. Members of one generation are at most one step apart, so a state more than one step
    /// behind the record is not the job's latest. With none recorded all may begin again from the seed.</param>
    public static RecoveryDecision? Plan(IReadOnlyList<RankState> states, int shards, long steps, int timeline, long recorded)
    {
        var holders = states.Where(state => Holds(state, timeline)).ToArray();
        var target = holders.Length == 0 ? 0 : holders.Max(Reach);
        if (target < recorded - 1 || (holders.Length == 0 && recorded > 0))
            return null;
        var sources = new ReducedSources(states.Where(state => Holds(state, timeline)), states, target);
        var ways = states.Select(state => WayOf(state, sources, target, timeline)).ToArray();
        var members = WithStateDonors(ways, states);
        if (target >= steps)
            return new RecoveryDecision(target, members, [], 0, $"all {steps} steps are applied");
        var (runs, kept) = Assign(states, members, shards);
        var behind = members.Count(member => member.Way != CatchUp.None);
        return new RecoveryDecision(target, members, runs, kept, $"go on from step {target}: {behind} of {states.Count} ranks catch up, "
            + $"{kept} of {shards} shards of step {target + 1} are kept");
    }

    /// <summary>
    /// Nobody holds the state: some members read it from a checkpoint of step <paramref name="target"/>, as many as serve a newcomer
    /// otherwise, and the others fetch it from them. So the store is read a few times and not once for each rank. Who holds an earlier
    /// state reads last, since it is to keep that until the checkpoint has been verified. Step 0 needs no checkpoint: all begin from the
    /// seed.
    /// </summary>
    public static RecoveryDecision Restore(
        IReadOnlyList<RankState> states, int shards, long steps, long target, Func<RankState, bool> mayRead)
    {
        var readers = Enumerable.Range(0, states.Count).Where(rank => mayRead(states[rank])).OrderBy(rank => states[rank].HasState)
            .Take(MaxDonors).ToHashSet();
        var ways = states.Select((_, rank) => new MemberCatchUp(
            target == 0 ? CatchUp.Initialize : readers.Contains(rank) ? CatchUp.LoadCheckpoint : CatchUp.FetchState, [])).ToArray();
        var members = WithStateDonors(ways, states);
        return new RecoveryDecision(
            target,
            members,
            target >= steps ? [] : FromMap(ShardMap.Cut(shards, states.Count)),
            0,
            $"go back to {(target == 0 ? "the seed" : $"the checkpoint of step {target}")} with {states.Count} ranks");
    }

    private static bool Holds(RankState state, int timeline) => state.HasState && state.Timeline == timeline;

    private static bool IsWhole(RankState state, long step) => state.Reduced.Count > 0 && state.Reduced.All(run => run.Step == step);

    /// <summary>The step that a member's state stands at, or that it can apply with the reduced gradient that it holds whole.</summary>
    internal static long Reach(RankState state) => IsWhole(state, state.Applied + 1) ? state.Applied + 1 : state.Applied;

    private static MemberCatchUp WayOf(RankState state, ReducedSources sources, long target, int timeline)
    {
        if (Holds(state, timeline) && state.Applied == target)
            return new MemberCatchUp(CatchUp.None, []);
        if (Holds(state, timeline) && state.Applied == target - 1)
        {
            if (IsWhole(state, target))
                return new MemberCatchUp(CatchUp.ApplyReduced, []);
            if (sources.MissingOf(state) is { } donors)
                return new MemberCatchUp(CatchUp.FetchReduced, donors);
        }

        return target == 0 ? new MemberCatchUp(CatchUp.Initialize, []) : new MemberCatchUp(CatchUp.FetchState, []);
    }

    /// <summary>Spreads each newcomer's fetching over ranks that will be at the target without fetching anything themselves.</summary>
    private static MemberCatchUp[] WithStateDonors(MemberCatchUp[] ways, IReadOnlyList<RankState> states)
    {
        var donors = Enumerable.Range(0, ways.Length)
            .Where(rank => ways[rank].Way is CatchUp.None or CatchUp.ApplyReduced or CatchUp.FetchReduced or CatchUp.LoadCheckpoint)
            .ToArray();
        var newcomers = 0;
        for (var rank = 0; rank < ways.Length; rank++)
        {
            if (ways[rank].Way != CatchUp.FetchState)
                continue;
            var blocks = states[rank].StateBlocks;
            var count = Math.Min(Math.Min(MaxDonors, donors.Length), Math.Max(1, blocks));
            var runs = new List<DonorRun>();
            for (var i = 0; i < count; i++)
            {
                int start = (int)((long)blocks * i / count), end = (int)((long)blocks * (i + 1) / count);
                runs.Add(new DonorRun(donors[((newcomers * count) + i) % donors.Length], start, end - start));
            }

            newcomers++;
            ways[rank] = ways[rank] with { Donors = runs };
        }

        return ways;
    }

    /// <summary>
    /// The interrupted step's shards. First come finished subtrees, the largest first; then shards that a survivor was about to compute
    /// stay with it, then those that a rank one step behind computes in that; the rest is assigned in aligned pieces to those with the
    /// least to compute, newcomers last.
    /// </summary>
    private static (IReadOnlyList<ShardRun> Runs, int Kept) Assign(IReadOnlyList<RankState> states, MemberCatchUp[] members, int shards)
    {
        var owner = new int[shards];
        Array.Fill(owner, -1);
        var load = new int[states.Count];
        var kept = 0;
        var survivors = Enumerable.Range(0, states.Count).Where(rank => members[rank].Way == CatchUp.None).ToArray();
        foreach (var (rank, subtree) in survivors.SelectMany(rank => states[rank].Held.Select(subtree => (rank, subtree)))
            .OrderByDescending(pair => pair.subtree.Size).ThenBy(pair => pair.subtree.Start).ThenBy(pair => pair.rank))
        {
            if (subtree.End > shards || owner.AsSpan(subtree.Start, subtree.Size).ContainsAnyExcept(-1))
                continue;
            Array.Fill(owner, rank, subtree.Start, subtree.Size);
            kept += subtree.Size;
        }

        // Who is one step behind computes as many in the next one as it did in this.
        foreach (var rank in survivors.Concat(
            Enumerable.Range(0, states.Count).Where(rank => members[rank].Way is CatchUp.ApplyReduced or CatchUp.FetchReduced)))
        {
            foreach (var shard in states[rank].Assigned.SelectMany(span => Enumerable.Range(span.Start, span.Count)).Where(
                shard => shard < shards && owner[shard] < 0))
            {
                owner[shard] = rank;
                load[rank]++;
            }
        }

        if (Array.TrueForAll(owner, rank => rank < 0))
            return (FromMap(ShardMap.Cut(shards, states.Count)), 0);
        AssignRest(owner, load, members);
        return (ShardAssignment.Runs(owner), kept);
    }

    private static void AssignRest(int[] owner, int[] load, MemberCatchUp[] members)
    {
        var open = owner.Count(rank => rank < 0);
        if (open == 0)
            return;
        for (var rank = 0; rank < load.Length; rank++)
            load[rank] += members[rank].Way switch { CatchUp.None => 0, CatchUp.FetchState => 2, _ => 1 };
        var largest = (int)BitOperations.RoundUpToPowerOf2((uint)((open + load.Length - 1) / load.Length));
        var pieces = new List<Subtree>();
        for (var shard = 0; shard < owner.Length;)
        {
            if (owner[shard] >= 0)
            {
                shard++;
                continue;
            }

            var end = shard;
            while (end < owner.Length && owner[end] < 0)
                end++;
            foreach (var subtree in Subtree.Cover(shard, end - shard))
            {
                var size = Math.Min(subtree.Size, largest);
                for (var start = subtree.Start; start < subtree.End; start += size)
                    pieces.Add(new Subtree(start, size));
            }

            shard = end;
        }

        var idlest = new PriorityQueue<int, (int Load, int Rank)>(load.Select((shards, rank) => (rank, (shards, rank))));
        foreach (var piece in pieces.OrderByDescending(piece => piece.Size).ThenBy(piece => piece.Start))
        {
            var rank = idlest.Dequeue();
            Array.Fill(owner, rank, piece.Start, piece.Size);
            load[rank] += piece.Size;
            idlest.Enqueue(rank, (load[rank], rank));
        }
    }

    private static List<ShardRun> FromMap(IReadOnlyList<IReadOnlyList<ShardSpan>> map) =>
        [.. map.SelectMany((spans, rank) => spans.Select(span => new ShardRun(rank, span.Start, span.Count))).OrderBy(run => run.Start)];
}
