namespace Coordinator.Machines.Jobs;

/// <content>
/// Who wants to go, and when it may. A member that wants to leave may hold the only state there is until every member has applied a step;
/// a process that was asked to end may do so even when it is no member any more, since the generation without it may never run. So a
/// process goes when it hears that its state is of no more use (<see cref="ReleaseRank.Forget"/>), which it hears once every member of a
/// generation without it has applied a step, or the job is over. Until then it can be called back.
/// </content>
public sealed partial class TrainingJobMachine
{
    private readonly SortedDictionary<GpuId, string> leaving = [];
    private readonly SortedDictionary<GpuId, Ending> ending = [];
    private readonly SortedSet<GpuId> givingBack = [];

    /// <summary>A worker process that was asked to end.</summary>
    private sealed record Ending(long Boot, string Reason);

    /// <summary>
    /// Every member holds the state: all have applied a step in the generation in force, or had done so in the one before when too few were
    /// left to go on. What processes beside them hold is then of no use.
    /// </summary>
    private bool IsStateHeld => state!.Phase == JobPhase.Active && (IsParked || (forming is null && (state.Planned || state.HeldByMembers)));

    /// <summary>Whether it waits for anybody at all, be it for the state or for the number: then a process that was asked to end, and has not ended, is as good a candidate as any.</summary>
    private bool NeedsWhoeverComes => state!.Phase == JobPhase.Waiting || stalled is not null;

    /// <summary>
    /// Ranks that a generation may have: one more than asked for where the only one of a job of one rank wants to leave, since it
    /// hands the state on as a member.
    /// </summary>
    private int RoomFor(IReadOnlyList<Member> members) => state!.Spec.Ranks + (state.Spec.Ranks == 1 && parkedFor is null && members is [var only] && leaving.ContainsKey(only.Gpu) ? 1 : 0);

    /// <summary>A gpu that asks for a reset, say, computes rightly as far as anybody knows: it leaves when no work is lost, like a worker that is asked to end.</summary>
    private void OnWithdrawn(GpuWithdrawn withdrawn)
    {
        if (!IsOver && MemberOf(withdrawn.Gpu) is not null)
            Leave(withdrawn.Gpu, withdrawn.Reason);
    }

    /// <summary>
    /// Members that the cluster wants back, for want of power or cooling, leave like those that an operator must see to. What it says is
    /// said anew with every offer: where it no longer wants one back that has not left yet, that one stays.
    /// </summary>
    private void NoteGivingBack()
    {
        foreach (var offer in offers.Values.Where(offer => offer.GiveBack is not null && IsMember(offer) && !IsOver))
        {
            givingBack.Add(offer.Gpu);
            Leave(offer.Gpu, offer.GiveBack!);
        }

        foreach (var gpu in givingBack.Where(gpu => offers.TryGetValue(gpu, out var offer) && offer.GiveBack is null).ToArray())
        {
            givingBack.Remove(gpu);
            if (MemberOf(gpu) is not null && !ending.ContainsKey(gpu))
                leaving.Remove(gpu);
        }
    }

    private void OnLeaving(RankLeaving leave, WorkerSession session)
    {
        // The word of a process that has ended since says nothing of its successor.
        if (IsOver || (links.TryGetValue(leave.Gpu.Node, out var link) && session.Boot < link.Session.Boot))
            return;
        ending[leave.Gpu] = new Ending(session.Boot, leave.Reason);
        var member = MemberOf(leave.Gpu);
        if (member?.Boot == session.Boot)
            Leave(leave.Gpu, leave.Reason);
        else if (member is null && IsStateHeld)
            releasing.Remove(leave.Gpu); // What it was told before was not that it may end.
    }

    private void Leave(GpuId gpu, string reason)
    {
        if (!leaving.TryAdd(gpu, reason))
            return;
        Observe(EventKinds.RankLeaving, $"{gpu} leaves: {reason}", gpu: gpu, node: gpu.Node);
        if (RoomFor(state!.Members) > state.Spec.Ranks)
            requestAt = now;
    }

    private bool IsEnding(GpuOffer offer) => ending.TryGetValue(offer.Gpu, out var process) && process.Boot == offer.Session.Boot;

    /// <summary>A later process runs on the node: the one that was to end has ended.</summary>
    private void ForgetEnding(NodeId node, long boot)
    {
        foreach (var (gpu, _) in ending.Where(pair => pair.Key.Node == node && pair.Value.Boot < boot).ToArray())
            ending.Remove(gpu);
    }

    /// <summary>
    /// Members that go in the next generation: those that want to, once all hold the state, also where too few are left to go on: a worker
    /// with several ranks ends when all of them may. One member stays, whatever it wants, where nobody would be left with the state: one that
    /// can be reached, if any can.
    /// </summary>
    private HashSet<GpuId> Departing(SortedDictionary<GpuId, string> failed)
    {
        if (leaving.Count == 0 || !IsStateHeld || IsParked)
            return [];
        HashSet<GpuId> departing = [.. state!.Members.Where(member => leaving.ContainsKey(member.Gpu)).Select(member => member.Gpu)];
        if (state.Members.All(member => failed.ContainsKey(member.Gpu) || departing.Contains(member.Gpu))
            && state.Members.Where(member => !failed.ContainsKey(member.Gpu)).OrderByDescending(IsReachable).FirstOrDefault() is { } last)
            departing.Remove(last.Gpu);
        return departing;
    }

    /// <summary>Whether a release tells its worker that the state is of no more use.</summary>
    private bool MayForget(GpuId gpu) => IsOver || (IsStateHeld && ending.ContainsKey(gpu));

    /// <summary>All members hold the state now: processes beside them that were asked to end are told that they may.</summary>
    private void LetGo()
    {
        foreach (var (gpu, process) in ending.Where(pair => MemberOf(pair.Key) is null).ToArray())
        {
            releasing.Remove(gpu);
            BeginRelease(gpu, process.Reason);
        }
    }
}
