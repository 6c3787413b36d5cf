using Coordinator.Machines;
using Coordinator.Simulator.Workers;

namespace Coordinator.Simulator.Checks;

/// <summary>
/// What belongs to a state that a rank has given up: since its device failed, since it was let go, or since it begins anew, loads or
/// fetches another. From then on the blocks of R and the subtrees that it has are old until they are written again, and the shards that it
/// was given before are nobody's; whoever offers them would have a plan rest on what is not there.
/// </summary>
internal sealed class OldStateGuard(Checkers checkers, ToyModel model, RankMemory memory, GpuId gpu)
{
    private readonly SortedSet<int> oldBlocks = [];
    private readonly SortedSet<Subtree> oldSubtrees = [];

    // Plans since the state was given up, the newest last: the rank is at the step of one of them.
    private readonly List<(RankPlan Plan, int Ranks)> plans = [];
    private bool underPlan;

    public void OnPlan(RankPlan plan, Membership members)
    {
        plans.Add((plan, members.Members.Count));
        underPlan = true;
    }

    /// <summary>The rank has no plan any more: what it gives up now it gives up for nothing.</summary>
    public void OnReleased() => underPlan = false;

    /// <summary>The state is given up.</summary>
    public void OnDiscarded()
    {
        for (var block = 0; block < memory.Reduced.Length; block++)
        {
            if (memory.Reduced[block].Step > 0)
                oldBlocks.Add(block);
        }

        oldSubtrees.UnionWith(memory.Partials.Keys);
        plans.RemoveRange(0, underPlan ? plans.Count - 1 : plans.Count);
    }

    /// <summary>A block of R was written.</summary>
    public void OnReduced(int block) => oldBlocks.Remove(block);

    public void OnSend(SendFrame send)
    {
        if (send.Source == PayloadSource.Reduced && oldBlocks.Contains(send.Header.Block))
            Fail($"sends block {send.Header.Block} of R of step {send.Header.Step}");
    }

    /// <summary>All that an input asked for is done.</summary>
    public void OnTurnEnded()
    {
        if (oldSubtrees.Count > 0 && oldSubtrees.FirstOrDefault(memory.Partials.ContainsKey) is { Size: > 0 } kept)
            Fail($"keeps {kept} of step {memory.Partials[kept].Step}");
        oldSubtrees.Clear();
    }

    public void OnAnswer(RankState answer)
    {
        foreach (var run in answer.Reduced.Where(run => run.Step > 0))
        {
            if (!answer.HasState || Enumerable.Range(run.Start, run.Count).Any(oldBlocks.Contains))
                Fail($"offers blocks {run.Start} to {run.Start + run.Count - 1} of R of step {run.Step}");
        }

        if (!answer.HasState && answer.Held.Count > 0)
            Fail($"offers {answer.Held[0]}");
        if (answer.Assigned.Count > 0 && (!answer.HasState || !plans.Exists(item => IsShareOf(answer, item.Plan, item.Ranks))))
            Fail($"offers to compute {string.Join(", ", answer.Assigned)} of step {answer.Applied + 1}");
    }

    private bool IsShareOf(RankState answer, RankPlan plan, int ranks)
    {
        var step = answer.Applied + 1;
        var given = step == plan.FirstStep
            ? plan.FirstStepShards.Where(run => run.Rank == plan.Rank).Select(run => new ShardSpan(run.Start, run.Count))
            : ShardMap.Cut(model.Shards, ranks)[plan.Rank];
        return step >= plan.FirstStep && Shards(given).SetEquals(Shards(answer.Assigned));
    }

    private static SortedSet<int> Shards(IEnumerable<ShardSpan> spans) =>
        [.. spans.SelectMany(span => Enumerable.Range(span.Start, span.Count))];

    private void Fail(string what) =>
        checkers.Fail(Invariants.DiscardedIsGone, $"{gpu} {what}, which belongs to a state that it has given up");
}
