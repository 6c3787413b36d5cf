namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// Who wants to go, and when it may. A member that wants to leave may hold the only state there is until every member has applied a step;
/// a process that was asked to end may do so even when it is no member any more, since the generation without it may never run. So a
/// process goes when it hears that its state is of no more use (<see cref="ReleaseRank.Forget"/>), which it hears once every member of a
/// generation without it has applied a step, or the job is over. Until then it can be called back.
/// </summary>
internal sealed class Departures(JobContext context, NodeLinks links)
{
    private readonly SortedDictionary<GpuId, string> leaving = [];
    private readonly SortedDictionary<GpuId, Ending> ending = [];
    private readonly SortedSet<GpuId> givingBack = [];
    private readonly SortedSet<GpuId> drained = [];

    /// <summary>A worker process that was asked to end.</summary>
    private sealed record Ending(long Boot, string Reason);

    /// <summary>Processes that were asked to end and are no members, with their reasons.</summary>
    public IReadOnlyList<(GpuId Gpu, string Reason)> EndingStrangers =>
        [.. ending.Where(pair => context.MemberOf(pair.Key) is null).Select(pair => (pair.Key, pair.Value.Reason))];

    /// <summary>Whether a gpu wants to leave, or is to.</summary>
    public bool IsLeaving(GpuId gpu) => leaving.ContainsKey(gpu);

    /// <summary>Why a gpu leaves; null: it does not.</summary>
    public string? ReasonOf(GpuId gpu) => leaving.GetValueOrDefault(gpu);

    /// <summary>Whether a process of the gpu was asked to end.</summary>
    public bool IsEnding(GpuId gpu) => ending.ContainsKey(gpu);

    /// <summary>Whether the process that is offered was asked to end.</summary>
    public bool IsEnding(GpuOffer offer) => ending.TryGetValue(offer.Gpu, out var process) && process.Boot == offer.Session.Boot;

    /// <summary>Whether the cluster wants every member back that the job has.</summary>
    public bool IsAllWantedBack =>
        context.State.Members.Count > 0
            && context.State.Members.All(member => givingBack.Contains(member.Gpu) && !ending.ContainsKey(member.Gpu));

    /// <summary>A gpu leaves when no work is lost. False where that is known.</summary>
    /// <param name="gpu">The gpu.</param>
    /// <param name="reason">Why, for people.</param>
    /// <param name="cause">One of <see cref="LeaveCause"/>.</param>
    public bool Add(GpuId gpu, string reason, string cause)
    {
        if (!leaving.TryAdd(gpu, reason))
            return false;
        context.Observe(EventKinds.RankLeaving, $"{gpu} leaves: {reason}", cause, gpu.Node, gpu);
        return true;
    }

    /// <summary>A gpu has left.</summary>
    public void Remove(GpuId gpu)
    {
        leaving.Remove(gpu);
        drained.Remove(gpu);
    }

    /// <summary>A member leaves since operators have drained it: its process lives on, with the state.</summary>
    public void NoteDrained(GpuId gpu) => drained.Add(gpu);

    /// <summary>A member has failed: what it wanted before is of no account.</summary>
    public void NoteFailed(GpuId gpu) => drained.Remove(gpu);

    /// <summary>Members that leave in order since operators have drained them.</summary>
    public IEnumerable<GpuId> DrainedOf(IEnumerable<GpuId> gone) => gone.Where(drained.Contains);

    /// <summary>
    /// A process was asked to end. False where a later one runs by now: the word of a process that has ended says nothing of its successor.
    /// </summary>
    public bool AddEnding(GpuId gpu, WorkerSession session, string reason)
    {
        if (links.IsReplaced(gpu.Node, session.Boot))
            return false;
        ending[gpu] = new Ending(session.Boot, reason);
        return true;
    }

    /// <summary>A later process runs on the node: the one that was to end has ended.</summary>
    public void ForgetEnding(NodeId node, long boot)
    {
        foreach (var (gpu, _) in ending.Where(pair => pair.Key.Node == node && pair.Value.Boot < boot).ToArray())
            ending.Remove(gpu);
    }

    /// <summary>A process that was asked to end became a member: it leaves as one.</summary>
    public void KeepEnding(Member member)
    {
        if (ending.TryGetValue(member.Gpu, out var process) && process.Boot == member.Boot)
            leaving.TryAdd(member.Gpu, process.Reason);
    }

    /// <summary>The cluster wants a member back, for want of power or cooling.</summary>
    public void NoteGivingBack(GpuId gpu) => givingBack.Add(gpu);

    /// <summary>
    /// What the cluster says is said anew with every offer: where it no longer wants one back that has not left yet, that one stays.
    /// </summary>
    public void StayWhereAllowed(IReadOnlyDictionary<GpuId, GpuOffer> offers)
    {
        foreach (var gpu in givingBack.Where(gpu => offers.TryGetValue(gpu, out var offer) && offer.GiveBack is null).ToArray())
        {
            givingBack.Remove(gpu);
            drained.Remove(gpu);
            if (context.MemberOf(gpu) is not null && !ending.ContainsKey(gpu))
                leaving.Remove(gpu);
        }
    }

    /// <summary>
    /// Ranks that a generation may have: one more than asked for where the only one of a job of one rank wants to leave, since it
    /// hands the state on as a member.
    /// </summary>
    public int RoomFor(IReadOnlyList<Member> members, bool isParked)
    {
        var ranks = context.State.Spec.Ranks;
        return ranks + (ranks == 1 && !isParked && members is [var only] && leaving.ContainsKey(only.Gpu) ? 1 : 0);
    }

    /// <summary>
    /// Members that go in the next generation, where all hold the state: those that want to, also where too few are left to go on, since a
    /// worker with several ranks ends when all of them may. One member stays, whatever it wants, where nobody would be left with the state:
    /// one that can be reached, if any can.
    /// </summary>
    public HashSet<GpuId> Departing(SortedDictionary<GpuId, string> failed)
    {
        if (leaving.Count == 0)
            return [];
        var members = context.State.Members;
        HashSet<GpuId> departing = [.. members.Where(member => leaving.ContainsKey(member.Gpu)).Select(member => member.Gpu)];
        if (members.All(member => failed.ContainsKey(member.Gpu) || departing.Contains(member.Gpu))
            && members.Where(member => !failed.ContainsKey(member.Gpu)).OrderByDescending(links.IsReachable).FirstOrDefault() is { } last)
        {
            departing.Remove(last.Gpu);
        }
        return departing;
    }

    /// <summary>A job that had ended trains again: who wanted to leave it then has left.</summary>
    public void Clear()
    {
        leaving.Clear();
        givingBack.Clear();
        drained.Clear();
    }
}
