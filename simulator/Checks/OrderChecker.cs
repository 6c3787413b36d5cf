using Coordinator.Machines;

namespace Coordinator.Simulator.Checks;

/// <summary>What the job orders: one membership per generation, and plans that agree with it and with each other.</summary>
internal sealed class OrderChecker(Checkers checkers, int shards, long steps)
{
    private readonly SortedDictionary<(long Incarnation, long Generation), RankPlan> plans = [];
    private readonly SortedDictionary<long, string> hashes = [];
    private readonly SortedSet<GpuId> answered = [];
    private readonly SortedDictionary<(long Generation, GpuId Gpu), RankState> answers = [];

    /// <summary>Memberships that left the job, by generation.</summary>
    public SortedDictionary<long, Membership> Memberships { get; } = [];

    /// <summary>The newest membership that left the job, or null.</summary>
    public Membership? Newest { get; private set; }

    /// <summary>Its generation, or 0.</summary>
    public long NewestGeneration { get; private set; }

    /// <summary>Whether a plan of the newest generation has left the job.</summary>
    public bool NewestPlanned { get; private set; }

    /// <summary>Whether every member of the newest generation has answered.</summary>
    public bool NewestAnswered => Newest is { } members && answered.Count >= members.Members.Count;

    /// <summary>Whether the job has handed out any plan.</summary>
    public bool PlansMade => plans.Count > 0;

    public void OnOrdered(NodeOrders orders)
    {
        if (orders.Change is { } change)
            OnChange(change);

        // What plans share goes beside them.
        var assigned = orders.Assignment is { } assignment ? ShardAssignment.Unfold(assignment, shards) : [];
        foreach (var plan in orders.Orders.OfType<RankPlan>())
            OnPlan(plan with { FirstStepShards = assigned });
    }

    /// <summary>A member has answered.</summary>
    public void OnAnswer(RankState answer)
    {
        answers[(answer.Generation, answer.Gpu)] = answer;
        if (answer.Generation == NewestGeneration)
            answered.Add(answer.Gpu);
    }

    /// <summary>A worker goes by a membership from now on.</summary>
    public void OnAdopted(NodeId node, Membership members)
    {
        if (Memberships.TryGetValue(members.Generation, out var sent)
            && (sent.Hash != members.Hash || !sent.Members.SequenceEqual(members.Members)))
        {
            checkers.Fail(
                Invariants.MembershipIsChained, $"{node} goes by a membership of generation {members.Generation} that is not the job's");
        }
    }

    private void OnChange(MembershipChange change)
    {
        if (!hashes.TryAdd(change.ToGeneration, change.Hash))
        {
            if (hashes[change.ToGeneration] != change.Hash)
                checkers.Fail(Invariants.OneMembershipPerGeneration, $"generation {change.ToGeneration} was sent with two memberships");
            return;
        }

        var from = change.FromGeneration == 0 ? Membership.None(change.Job) : Memberships.GetValueOrDefault(change.FromGeneration);
        if (from?.After(change) is { } next)
        {
            Add(next);
        }
        else if (from is not null)
        {
            checkers.Fail(
                Invariants.OneMembershipPerGeneration,
                $"the change from {change.FromGeneration} to {change.ToGeneration} does not follow the chain");
        }
        else
        {
            hashes.Remove(change.ToGeneration);
        }
    }

    private void Add(Membership next)
    {
        Memberships.Add(next.Generation, next);
        if (next.Generation <= NewestGeneration)
            return;
        (Newest, NewestGeneration, NewestPlanned) = (next, next.Generation, false);
        answered.Clear();
    }

    private void OnPlan(RankPlan plan)
    {
        NewestPlanned |= plan.Generation == NewestGeneration;
        if (Memberships.TryGetValue(plan.Generation, out var members) && members.RankOf(plan.Gpu) != plan.Rank)
            checkers.Fail(Invariants.PlansAgree, $"the plan of {plan.Gpu} in generation {plan.Generation} makes it rank {plan.Rank}");
        var key = (plan.Incarnation, plan.Generation);
        if (plans.TryGetValue(key, out var first))
        {
            if (first.FirstStep != plan.FirstStep || first.LastStep != plan.LastStep || first.Timeline != plan.Timeline
                || !first.FirstStepShards.SequenceEqual(plan.FirstStepShards))
            {
                checkers.Fail(Invariants.PlansAgree, $"two plans of generation {plan.Generation} differ in step, timeline or shards");
            }
            return;
        }

        plans.Add(key, plan);
        var next = 0;
        foreach (var run in plan.FirstStepShards.OrderBy(run => run.Start))
        {
            if (run.Start != next || run.Rank < 0 || (members is not null && run.Rank >= members.Members.Count))
            {
                checkers.Fail(
                    Invariants.PlansAgree, $"generation {plan.Generation} assigns shard {next} of its first step to nobody or twice");
            }
            next = run.Start + run.Count;
        }

        if (next != shards && !(next == 0 && plan.FirstStep > (plan.LastStep ?? steps)))
            checkers.Fail(Invariants.PlansAgree, $"generation {plan.Generation} assigns {next} of {shards} shards");
        else if (next > 0 && members is not null)
            CheckHeld(plan, members);
    }

    /// <summary>A shard whose sum survivors hold goes to one of them.</summary>
    private void CheckHeld(RankPlan plan, Membership members)
    {
        var held = members.Members.Select(member => answers.TryGetValue((plan.Generation, member.Gpu), out var answer)
            && answer.Boot == member.Boot
            && answer.HasState && answer.Timeline == plan.Timeline && answer.Applied == plan.FirstStep - 1 ? answer.Held : []).ToArray();
        foreach (var run in plan.FirstStepShards)
        {
            for (var shard = run.Start; shard < run.Start + run.Count; shard++)
            {
                var holder = Array.FindIndex(held, mine => mine.Any(subtree => subtree.Contains(Subtree.Leaf(shard))));
                if (holder >= 0 && !held[run.Rank].Any(subtree => subtree.Contains(Subtree.Leaf(shard))))
                {
                    checkers.Fail(Invariants.HeldWorkCounts, $"generation {plan.Generation} assigns shard {shard} of step {plan.FirstStep} "
                        + $"to rank {run.Rank}; rank {holder} holds it");
                }
            }
        }
    }
}
