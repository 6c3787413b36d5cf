using Coordinator.Machines.Jobs.Parts;

namespace Coordinator.Machines.Jobs;

/// <content>What starts a new generation: members that failed, come or go, and enough gpus for a job that waits.</content>
public sealed partial class TrainingJobMachine
{
    private static readonly TimeSpan JoinGather = TimeSpan.FromMilliseconds(40);

    /// <summary>Gpus beyond its ranks that the job asks for, to try what failed elsewhere.</summary>
    private int Replacements =>
        State.Faults.Count == 0 ? 0 : Math.Min(3 * State.Spec.Ranks, State.Faults.Select(fault => fault.Gpu).Distinct().Count());

    /// <summary>One pass over everything that can start a new generation. Called after every message.</summary>
    private void Decide()
    {
        if (initialStates.IsDue && round.IsOpen && round.IsComplete)
            RefuseOtherIdentities();
        if (IsStateLost && State.Members.Count >= State.Spec.MinRanks && Now >= search.RestoreDue)
            recovery.Ask("back to a checkpoint", RecoveryReason.StateLost);
        var failed = FailedMembers();
        var candidates = Candidates();
        if (parking.End(candidates.Count, offers.All))
            recovery.Ask("its gpus may compute again", RecoveryReason.Unparked);
        if (parking.Begin(candidates.Count))
            recovery.Ask($"parked: {parking.Reason}", RecoveryReason.Parked);
        candidatesSince = candidates.Count == 0 ? null : candidatesSince ?? Now;
        var haveGathered = Now >= candidatesSince + JoinGather;
        if (State.Phase == JobPhase.Waiting)
        {
            DecideWaiting(candidates, haveGathered);
            return;
        }

        if (IsStateLost && failed.Count == 0 && haveGathered && CallRescuers(candidates))
            return;
        var departing = parking.IsStateHeld && !parking.IsParked ? departures.Departing(failed) : [];
        var joining = candidates.Count > 0 && (failed.Count > 0 || !round.IsOpen) && haveGathered
            && State.Members.Count < RoomFor(State.Members) + failed.Count
            && (stalled is null || State.Members.Count + candidates.Count >= State.Spec.MinRanks);
        var unready = failed.Count == 0 ? preparations.Unready(candidates.Count) : [];
        if (failed.Count == 0 && departing.Count == 0 && !joining && recovery.FormAgain is null && unready.Count == 0)
        {
            DecideRecovery();
            return;
        }

        preparations.SetAside(unready);
        foreach (var (gpu, why) in failed)
            Exclude(gpu, why);
        if (failed.Count > 0)
            recovery.NoteCause(failed.First().Value);
        recovery.NoteCause(recovery.FormCause is { } cause ? cause
            : departing.Count > 0 ? RecoveryReason.Leaves
            : unready.Count > 0 ? RecoveryReason.Prepares
            : RecoveryReason.Joins);
        recovery.NoteSign(Now);
        var staying = State.Members.Where(member => !failed.ContainsKey(member.Gpu) && !departing.Contains(member.Gpu)
            && !unready.Contains(member)).ToList();
        if (staying.Count == 0)
            parking.GiveUp();
        Form(staying, parking.IsWanted ? [] : candidates);
    }

    private void DecideWaiting(List<GpuOffer> candidates, bool haveGathered)
    {
        var spec = State.Spec;
        var enough = candidates.Count >= spec.Ranks
            || (candidates.Count >= spec.MinRanks && Now >= submittedAt + spec.FaultTolerance.StartTimeout)
            || (State.Started && candidates.Count >= spec.MinRanks && haveGathered);
        if (!enough)
        {
            CheckStateTimeout();
            return;
        }

        if (State.Started)
        {
            recovery.NoteSign(Now);
            recovery.NoteCause("workers came back");
        }

        Form([], candidates);
    }

    /// <summary>
    /// Members without state make room for processes that may have it, and those that hold an earlier one only after them, the furthest
    /// last. False where nobody who may have the state could come beside all members.
    /// </summary>
    private bool CallRescuers(List<GpuOffer> candidates)
    {
        var rescuers = candidates.Where(search.MayRescue).ToList();
        if (rescuers.Count == 0 || State.Members.Count + rescuers.Count <= State.Spec.Ranks)
            return false;
        recovery.NoteCause(RecoveryReason.StateLost);
        recovery.NoteSign(Now);
        Form([.. State.Members.OrderByDescending(search.StepBehind).Take(Math.Max(0, State.Spec.Ranks - rescuers.Count))], rescuers);
        return true;
    }

    /// <summary>
    /// Members that the evidence of now condemns, with the cause; hard evidence at once, soft evidence after it was gathered. Hard evidence
    /// waits for more of it where a generation is work for thousands, and all evidence does while they are asked
    /// (<see cref="Parts.FailureGather"/>): nodes that die together go together.
    /// </summary>
    private SortedDictionary<GpuId, string> FailedMembers()
    {
        var failed = new SortedDictionary<GpuId, string>();
        evidence.AddFaulted(failed);
        foreach (var (member, link) in links.With(State.Members))
        {
            if (link?.Session.Boot > member.Boot)
                failed[member.Gpu] = "process replaced";
            else if (TimeoutOf(member, link) is { } at && Now >= at)
                failed[member.Gpu] = round.IsOpen ? "no answer" : "out of reach";
        }

        if (gather.Waits(failed.Count + evidence.Accusations, round.IsOpen))
            return [];
        evidence.Condemn(failed);
        return failed;
    }

    /// <summary>
    /// Offered gpus that are no members and may become some: reachable, of the job's device class, not excluded just now, and not about to
    /// end.
    /// </summary>
    private List<GpuOffer> Candidates()
    {
        var deviceClass = State.DeviceClass
            ?? offers.Values.FirstOrDefault(offer => offer.Up
                && DeviceClasses.Matches(State.Spec.DeviceClass, offer.DeviceClass))?.DeviceClass;

        // A job that is parked goes on with whoever comes, as one does that waits.
        var anybody = NeedsWhoeverComes || parking.IsParked;
        var usable = offers.Values.Where(offer => (offer.Up || MayBeCalledBack(offer, anybody))
            && offer.DeviceClass == deviceClass && !IsMember(offer) && links.MayReach(offer)
            && !departures.IsLeaving(offer.Gpu)
            && exclusions.MayReturn(offer, releases.IsHeard(offer.Gpu), anybody, Now)
            && (State.Phase == JobPhase.Waiting || !preparations.IsAside(offer)) && (anybody || !departures.IsEnding(offer)));
        if (State.Faults.Count == 0)
            return [.. usable];

        // What failed is tried elsewhere first, and there again only where the job cannot go on without.
        return [.. usable.Where(offer => anybody || !HasFaulted(offer)).OrderBy(HasFaulted)];
    }

    /// <summary>Whether a drained gpu that has left may be the only one with the state, and the job cannot go on as it is.</summary>
    private bool MayBeCalledBack(GpuOffer offer, bool isAnybodyNeeded) =>
        isAnybodyNeeded && offer is { Drained: true, NodeUp: true } && !parking.IsStateHeld && handovers.MayBeCalled(offer.Gpu);

    /// <summary>Whether the gpu failed since the job last came a step farther, in the process that runs there now.</summary>
    private bool HasFaulted(GpuOffer offer) => State.Faults.Any(fault => fault.Gpu == offer.Gpu && fault.Boot == offer.Session.Boot);

    private void Exclude(GpuId gpu, string cause)
    {
        releases.Await(gpu);
        departures.NoteFailed(gpu);
        exclusions.Add(context.MemberOf(gpu)!, evidence.IsLasting(gpu, cause), Now);
        var said = evidence.WordsAgainst(gpu);
        context.Change(State with { Failures = State.Failures + 1, FirstCause = State.FirstCause ?? $"{gpu}: {cause}{said}" });
        context.Observe(EventKinds.RankExcluded, $"{gpu} is out: {cause}{said}", cause, gpu.Node, gpu);
    }

    /// <summary>The next generation: durable first, then announced to its members; those left out are released.</summary>
    private void Form(List<Member> staying, List<GpuOffer> candidates)
    {
        var room = Math.Max(0, RoomFor(staying) - staying.Count);
        var chosen = candidates.Take(room).Select(offer => new Member(offer.Gpu, offer.DataAddress, offer.Session.Boot)).ToList();
        recovery.NoteFormed();
        candidatesSince = null;
        if (staying.Count + chosen.Count < State.Spec.MinRanks && !parking.IsWanted)
        {
            Starve(staying);
            return;
        }

        stalled = null;
        var gone = Others(staying);
        var came = chosen.Select(member => member.Gpu).ToHashSet();
        var removed = gone.Select(member => member.Gpu).Where(gpu => !came.Contains(gpu)).ToArray();
        var previous = State.Generation;
        PersistGeneration(chosen, came, removed, candidates.FirstOrDefault());
        checkpoints.KeepThrough(State.Members);
        context.Observe(
            EventKinds.GenerationForming,
            $"generation {State.Generation}: {Counted.Of(State.Members.Count, "rank")}, {removed.Length} out, {chosen.Count} in",
                recovery.Cause,
            numbers: new SortedDictionary<string, double>
            {
                ["ranks"] = State.Members.Count,
                ["out"] = removed.Length,
                ["in"] = chosen.Count,
            });
        foreach (var member in chosen.Count <= MostMemberEvents ? chosen : [])
            context.Observe(EventKinds.RankJoined, $"{member.Gpu} joins at {member.Address}", gpu: member.Gpu, node: member.Gpu.Node);
        round.Delivery.Announce(previous, removed, chosen, came);
        ReleaseGone(gone, came, removed);
        foreach (var member in State.Members)
        {
            releases.End(member.Gpu);
            releases.NoteHeard(member.Gpu);
        }

        foreach (var member in chosen)
        {
            departures.KeepEnding(member);
            if (offers.All.TryGetValue(member.Gpu, out var offer) && offer.GiveBack is not null)
                GiveBack(offer);
        }

        ForgetGeneration();
        offers.RequestNow();
        preparations.BeginRound();
        round.Begin();
    }

    private void PersistGeneration(List<Member> chosen, HashSet<GpuId> came, GpuId[] removed, GpuOffer? first)
    {
        var generation = Math.Max(State.Generation, records.HighestGeneration) + 1;
        var next = context.Membership.Apply(generation, removed, chosen);
        context.Persist(State with
        {
            Phase = JobPhase.Active,
            Reason = parking.Reason is { } parked
                ? $"parked: {parked}; {next.Members[0].Gpu} keeps the state and computes nothing"
                : $"generation {generation} with {Counted.Of(next.Members.Count, "rank")}",
            Generation = generation,
            Hash = next.Hash,
            Members = next.Members,
            DeviceClass = State.DeviceClass ?? first?.DeviceClass,
            Device = first?.Device ?? State.Device,
            Planned = false,
            Holders = search.HoldersNow,
            Newcomers = NewcomersIn(next.Members, came),

            // A job is parked only where every member holds the state, and those that stay do so until one of them computes.
            HeldByMembers = parking.IsWanted && chosen.Count == 0,
            ParkedFor = parking.Reason,
            HandingOver = handovers.After(departures.DrainedOf(removed), [.. next.Members.Select(member => member.Gpu)]),
            Recorded = records.Through,
        });
    }

    private void ReleaseGone(Member[] gone, HashSet<GpuId> came, GpuId[] removed)
    {
        foreach (var gpu in came)
            preparations.Call(gpu);
        foreach (var member in gone.Where(member => !came.Contains(member.Gpu)))
        {
            releases.Begin(member.Gpu,
                departures.ReasonOf(member.Gpu) ?? (preparations.IsAside(member.Gpu) ? "not ready yet" : "excluded"));
        }
        foreach (var gpu in removed)
            departures.Remove(gpu);
    }

    /// <summary>
    /// Members that came now, or before in a generation that has not run. Where all of them did, nobody is new beside the others.
    /// </summary>
    private GpuId[] NewcomersIn(IReadOnlyList<Member> members, HashSet<GpuId> came)
    {
        var before = State.Planned ? [] : State.Newcomers.ToHashSet();
        GpuId[] all = [.. members.Select(member => member.Gpu).Where(gpu => came.Contains(gpu) || before.Contains(gpu))];
        return all.Length == members.Count ? [] : all;
    }

    /// <summary>Members that do not stay.</summary>
    private Member[] Others(List<Member> staying)
    {
        var kept = staying.Select(member => member.Gpu).ToHashSet();
        return [.. State.Members.Where(member => !kept.Contains(member.Gpu))];
    }

    /// <summary>
    /// Too few are left. Those that remain hold the state and wait, in a generation that cannot go on; or nobody remains.
    /// </summary>
    private void Starve(List<Member> staying)
    {
        var gone = Others(staying);
        var text = staying.Count == 0
            ? $"no worker is left (last: {string.Join(", ", gone.Select(member => member.Gpu))}); waiting for workers"
            : $"{staying.Count} of at least {State.Spec.MinRanks} ranks are left; waiting for workers";
        var isHeld = staying.Count > 0 && (parking.IsStateHeld || State.HeldByMembers);
        var (generation, hash) = (State.Generation, State.Hash);
        if (gone.Length > 0)
        {
            // Members that stay are asked again in the next generation; that one is not formed before there are enough.
            var next = context.Membership.Apply(generation + 1, [.. gone.Select(member => member.Gpu)], []);
            (generation, hash) = (next.Generation, next.Hash);
        }

        context.Persist(State with
        {
            Phase = staying.Count == 0 ? JobPhase.Waiting : JobPhase.Active,
            Reason = text,
            Generation = generation,
            Hash = hash,
            Members = staying,
            Planned = false,
            Holders = search.HoldersNow,
            HeldByMembers = isHeld,
            ParkedFor = null,
            HandingOver = handovers.After(
                departures.DrainedOf(gone.Select(member => member.Gpu)), [.. staying.Select(member => member.Gpu)]),
            Recorded = records.Through,
        });
        foreach (var member in gone)
        {
            releases.Begin(member.Gpu, departures.ReasonOf(member.Gpu) ?? "excluded");
            departures.Remove(member.Gpu);
        }

        ForgetGeneration();
        stalled = text;
        if (staying.Count == 0)
            search.NoteLost();
        context.Observe(
            EventKinds.JobWaiting, text, recovery.Cause,
            numbers: new SortedDictionary<string, double> { ["ranks"] = staying.Count, ["needs"] = State.Spec.MinRanks });
        offers.RequestNow();
        if (parking.IsStateHeld)
            LetGo();
        if (isHeld)
            soleHolder.Note();
    }

    /// <summary>What belonged to the generation that was in force.</summary>
    private void ForgetGeneration()
    {
        round.Close();
        evidence.Clear();
        gather.Clear();
        plans.Clear();
        completion.ForgetMembers();
        initialStates.Clear();
    }
}
