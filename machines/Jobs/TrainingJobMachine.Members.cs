using System.Security.Cryptography;
using System.Text;

namespace Coordinator.Machines.Jobs;

/// <content>Gathering members and forming generations.</content>
public sealed partial class TrainingJobMachine
{
    /// <summary>
    /// The job says what it wants and uses every 2 s, and of more than 20,000 ranks every 0.1 ms for each: the answer holds all of its gpus, and
    /// news comes with the cluster's offers anyway.
    /// </summary>
    private TimeSpan RequestPeriod => Max(TimeSpan.FromSeconds(2), TimeSpan.FromMicroseconds(100 * state!.Spec.Ranks));

    private static readonly TimeSpan JoinGather = TimeSpan.FromMilliseconds(40);

    private readonly SortedDictionary<GpuId, GpuOffer> offers = [];
    private readonly SortedDictionary<GpuId, Exclusion> exclusions = [];
    private readonly Dictionary<NodeId, long> nodeKnows = [];
    private readonly Dictionary<NodeId, long> nodeTold = [];
    private readonly SortedDictionary<GpuId, long> stateless = [];
    private long offerIncarnation;
    private long offerSequence = -1;
    private long requestSequence;
    private TimeSpan? requestAt;
    private TimeSpan submittedAt;
    private TimeSpan activatedAt;
    private TimeSpan? candidatesSince;
    private string? formAgain;
    private string? stalled;
    private MembershipChange? wholeChange;
    private MembershipChange? lastChange;

    /// <summary>Who came with <see cref="lastChange"/>: their processes know nothing before it.</summary>
    private HashSet<GpuId> newcomers = [];
    private readonly HashSet<string> shortagesSaid = [];
    private string shortage = "";

    private sealed record Exclusion(long Boot, TimeSpan Until, TimeSpan At, int Times);

    /// <summary>All gpus of the job as the cluster sees them. Older answers are dropped; a member that is missing is no evidence, since a cluster grain that was just loaded knows nobody.</summary>
    private void OnOffered(GpusOffered offered)
    {
        if ((offered.Incarnation, offered.Sequence).CompareTo((offerIncarnation, offerSequence)) <= 0)
            return;
        (offerIncarnation, offerSequence) = (offered.Incarnation, offered.Sequence);
        offers.Clear();
        foreach (var offer in offered.Gpus)
        {
            offers.Add(offer.Gpu, offer);
            NoteSession(offer.Gpu.Node, offer.Session, offer.NodeUp ?? offer.Up, hearsay: true);
        }

        NoteGivingBack();
        NoteShortage(offered.Supply);

        if (offers.Count < Wanted)
            requestAt ??= now;
    }

    /// <summary>
    /// While members wait for somebody with the state, any gpu may belong to the worker that has it: those that were excluded are asked
    /// for by name, and as many again as the job has ranks three times over, since a job that was loaded anew has forgotten the names.
    /// </summary>
    private int Wanted => IsOver ? 0 : RoomFor(state!.Members) + Replacements + (IsStateLost ? (3 * state!.Spec.Ranks) + exclusions.Count : 0);

    private bool IsStateLost => stalled is not null && stateLostAt is not null && state!.Phase == JobPhase.Active;

    /// <summary>Whether this process has answered already that it holds no state.</summary>
    private bool IsStateless(GpuOffer offer) => stateless.TryGetValue(offer.Gpu, out var boot) && boot == offer.Session.Boot;

    private void RepeatRequests()
    {
        if (IsOver && offers.Count == 0 && offerSequence >= 0)
        {
            requestAt = null;
            return;
        }

        if (requestAt is { } at && now < at)
            return;
        requestAt = now + RequestPeriod;
        outputs.Send(GrainAddress.Cluster, new GpusRequested(id, state!.Incarnation, ++requestSequence, Wanted, IsOver ? [] : [.. state.Members.Select(member => member.Gpu)], IsStateLost ? [.. exclusions.Keys] : [])
        {
            DeviceClass = state.DeviceClass ?? state.Spec.DeviceClass,
            Priority = state.Spec.Priority,

            // Whoever looks for its state takes every gpu that may have it.
            Minimum = IsStateLost ? 1 : state.Spec.MinRanks,
            Parked = CountsAsParked,
        });
    }

    /// <summary>Why ranks are missing, where the class of devices is the reason, or power or cooling. Said as an event once for each set of classes or cause, and in the view as it is now.</summary>
    private void NoteShortage(GpuSupply? supply)
    {
        shortage = "";
        if (IsOver || supply is null)
            return;
        var named = state!.DeviceClass ?? state.Spec.DeviceClass;
        var missing = state.Spec.Ranks - offers.Values.Count(offer => offer.Up && DeviceClasses.Matches(named, offer.DeviceClass));
        if (missing > 0 && supply.Held is { } held)
        {
            shortage = $"{missing} of {state.Spec.Ranks} ranks {(missing == 1 ? "is" : "are")} missing: {held.Text}";
            if (shortagesSaid.Add(held.Cause))
                Observe(EventKinds.JobShort, shortage, held.Cause);
            return;
        }

        if (ClassShortage.Explain(missing, state.Spec.Ranks, state.DeviceClass, state.Spec.DeviceClass, supply) is not { } text)
        {
            shortage = missing > 0 ? supply.Waits ?? "" : "";
            if (shortage.Length > 0 && NeedsWhoeverComes && shortagesSaid.Add("gpus"))
                Observe(EventKinds.JobShort, shortage, "gpus");
            return;
        }

        shortage = text;
        if (shortagesSaid.Add($"{supply.OfClass > 0} {string.Join(' ', supply.Others.Select(other => other.DeviceClass))}"))
            Observe(EventKinds.JobShort, text, "device class");
    }

    /// <summary>Offered gpus that are no members and may become some: reachable, of the job's device class, not excluded just now, and not about to end.</summary>
    private List<GpuOffer> Candidates()
    {
        var deviceClass = state!.DeviceClass ?? offers.Values.FirstOrDefault(offer => offer.Up && DeviceClasses.Matches(state.Spec.DeviceClass, offer.DeviceClass))?.DeviceClass;
        var anybody = NeedsWhoeverComes;
        var usable = offers.Values.Where(offer => offer.Up && offer.DeviceClass == deviceClass && !IsMember(offer) && IsLinked(offer) && !leaving.ContainsKey(offer.Gpu) && MayReturn(offer) && (state.Phase == JobPhase.Waiting || !IsAside(offer)) && (anybody || !IsEnding(offer)));
        if (state.Faults.Count == 0)
            return [.. usable];

        // What failed is tried elsewhere first, and there again only where the job cannot go on without.
        return [.. usable.Where(offer => anybody || !HasFaulted(offer)).OrderBy(HasFaulted)];
    }

    /// <summary>Whether the offer is a member in the process that was offered; a member's new process is a newcomer.</summary>
    private bool IsMember(GpuOffer offer) => MemberOf(offer.Gpu) is { } member && member.Boot == offer.Session.Boot;

    private bool IsLinked(GpuOffer offer) => !links.TryGetValue(offer.Gpu.Node, out var link) || (link.Connected && link.Session.Boot == offer.Session.Boot);

    private Member? MemberOf(GpuId gpu) => CurrentMembership.RankOf(gpu) is >= 0 and var rank ? state!.Members[rank] : null;

    private Membership CurrentMembership => new() { Job = id, Generation = state!.Generation, Hash = state.Hash, Members = state.Members };

    /// <summary>
    /// Whether a gpu that was excluded may come back: after a pause, and in the same process only once that has answered its release. One that
    /// is frozen would not answer the next question either, and its one freeze would be two failures; its heartbeat may be missed later than that.
    /// </summary>
    private bool MayReturn(GpuOffer offer) => !exclusions.TryGetValue(offer.Gpu, out var exclusion)
        || (offer.Session.Boot > exclusion.Boot ? exclusion.Times <= 3 || IsPast(exclusion) : IsPast(exclusion) && !unheard.Contains(offer.Gpu));

    private bool IsPast(Exclusion exclusion) => now >= exclusion.Until || (NeedsWhoeverComes && now >= exclusion.At + LongestPause);

    /// <summary>One pass over everything that can start a new generation. Called after every message.</summary>
    private void Decide()
    {
        if (IsStateLost && state!.Members.Count >= state.Spec.MinRanks && now >= RestoreDue)
            formAgain ??= "back to a checkpoint";
        var failed = FailedMembers();
        var candidates = Candidates();
        Unpark(candidates);
        Park(candidates);
        candidatesSince = candidates.Count == 0 ? null : candidatesSince ?? now;
        if (state!.Phase == JobPhase.Waiting)
        {
            DecideWaiting(candidates);
            return;
        }

        if (IsStateLost && failed.Count == 0 && now >= candidatesSince + JoinGather
            && candidates.Where(MayRescue).ToList() is { Count: > 0 } rescuers && state.Members.Count + rescuers.Count > state.Spec.Ranks)
        {
            // Members without state make room for processes that may have it, and those that hold an earlier one only after them, the furthest last.
            recoveryCause ??= "state out of reach";
            recoverySince ??= now;
            Form([.. state.Members.OrderByDescending(StepBehind).Take(Math.Max(0, state.Spec.Ranks - rescuers.Count))], rescuers);
            return;
        }

        var departing = Departing(failed);
        var joining = candidates.Count > 0 && (failed.Count > 0 || forming is null) && now >= candidatesSince + JoinGather && state.Members.Count < RoomFor(state.Members) + failed.Count
            && (stalled is null || state.Members.Count + candidates.Count >= state.Spec.MinRanks);
        var unready = failed.Count == 0 ? Unready(candidates) : [];
        if (failed.Count == 0 && departing.Count == 0 && !joining && formAgain is null && unready.Count == 0)
        {
            DecideRecovery();
            return;
        }

        GoOnWithout(unready);
        foreach (var (gpu, cause) in failed)
            Exclude(gpu, cause);
        if (failed.Count > 0)
            recoveryCause ??= failed.First().Value;
        recoveryCause ??= formAgain is not null ? "silo restart" : departing.Count > 0 ? "rank leaves" : unready.Count > 0 ? "rank prepares" : "rank joins";
        recoverySince ??= now;
        var staying = state.Members.Where(member => !failed.ContainsKey(member.Gpu) && !departing.Contains(member.Gpu) && !unready.Contains(member)).ToList();
        if (staying.Count == 0)
            parkedFor = null;
        Form(staying, parkedFor is null ? candidates : []);
    }

    private void DecideWaiting(List<GpuOffer> candidates)
    {
        var spec = state!.Spec;
        var enough = candidates.Count >= spec.Ranks
            || (candidates.Count >= spec.MinRanks && now >= submittedAt + spec.FaultTolerance.StartTimeout)
            || (state.Started && candidates.Count >= spec.MinRanks && now >= candidatesSince + JoinGather);
        if (enough)
        {
            recoverySince ??= state.Started ? now : null;
            recoveryCause ??= state.Started ? "workers came back" : null;
            Form([], candidates);
            return;
        }

        CheckStateTimeout();
    }

    /// <summary>The next generation: durable first, then announced to its members; those left out are released.</summary>
    private void Form(List<Member> staying, List<GpuOffer> candidates)
    {
        var spec = state!.Spec;
        var chosen = candidates.Take(Math.Max(0, RoomFor(staying) - staying.Count)).Select(offer => new Member(offer.Gpu, offer.DataAddress, offer.Session.Boot)).ToList();
        formAgain = null;
        candidatesSince = null;
        if (staying.Count + chosen.Count < spec.MinRanks && parkedFor is null)
        {
            Starve(staying);
            return;
        }

        stalled = null;
        var gone = Others(staying);
        var returning = chosen.Select(member => member.Gpu).ToHashSet();
        var removed = gone.Select(member => member.Gpu).Where(gpu => !returning.Contains(gpu)).ToArray();
        var generation = Math.Max(state.Generation, highestReported) + 1;
        var next = CurrentMembership.Apply(generation, removed, chosen);
        var previous = state.Generation;
        var first = candidates.FirstOrDefault();
        Persist(state with
        {
            Phase = JobPhase.Active,
            Reason = parkedFor is null ? $"generation {generation} with {next.Members.Count} ranks" : $"parked: {parkedFor}; {next.Members[0].Gpu} keeps the state and computes nothing",
            Generation = generation,
            Hash = next.Hash,
            Members = next.Members,
            DeviceClass = state.DeviceClass ?? first?.DeviceClass,
            Device = first?.Device ?? state.Device,
            Planned = false,
            Holders = HoldersNow,
            Newcomers = NewcomersIn(next.Members, returning),

            // A job is parked only where every member holds the state, and those that stay do so until one of them computes.
            HeldByMembers = parkedFor is not null && chosen.Count == 0,
            ParkedFor = parkedFor,
            Recorded = recorded,
        });
        KeepSavingThrough(next.Members);
        Observe(EventKinds.GenerationForming, $"generation {generation}: {next.Members.Count} ranks, {removed.Length} out, {chosen.Count} in", recoveryCause, numbers: new SortedDictionary<string, double> { ["ranks"] = next.Members.Count, ["out"] = removed.Length, ["in"] = chosen.Count });
        foreach (var member in chosen.Count <= MostToldByMember ? chosen : [])
            Observe(EventKinds.RankJoined, $"{member.Gpu} joins at {member.Address}", gpu: member.Gpu, node: member.Gpu.Node);
        var key = KeyOf(generation);
        wholeChange = new MembershipChange { Job = id, Incarnation = state.Incarnation, FromGeneration = 0, ToGeneration = generation, Added = next.Members, Hash = next.Hash, Key = key, Spec = spec with { Secret = "" } };
        lastChange = previous == 0 ? null : wholeChange with { FromGeneration = previous, Removed = removed, Added = chosen, Spec = null };
        newcomers = returning;
        foreach (var gpu in returning)
            aside.Remove(gpu);
        foreach (var member in gone.Where(member => !returning.Contains(member.Gpu)))
            BeginRelease(member.Gpu, leaving.TryGetValue(member.Gpu, out var why) ? why : aside.ContainsKey(member.Gpu) ? "not ready yet" : "excluded");
        foreach (var gpu in removed)
            leaving.Remove(gpu);
        foreach (var member in next.Members)
        {
            releasing.Remove(member.Gpu);
            unheard.Remove(member.Gpu);
        }

        foreach (var member in chosen.Where(member => ending.TryGetValue(member.Gpu, out var process) && process.Boot == member.Boot))
            leaving.TryAdd(member.Gpu, ending[member.Gpu].Reason);
        ForgetGenerationState();
        requestAt = now;
        BeginForming();
    }

    /// <summary>Members that came now, or before in a generation that has not run. Where all of them did, nobody is new beside the others.</summary>
    private GpuId[] NewcomersIn(IReadOnlyList<Member> members, HashSet<GpuId> came)
    {
        var before = state!.Planned ? [] : state.Newcomers.ToHashSet();
        GpuId[] all = [.. members.Select(member => member.Gpu).Where(gpu => came.Contains(gpu) || before.Contains(gpu))];
        return all.Length == members.Count ? [] : all;
    }

    /// <summary>Members that do not stay.</summary>
    private Member[] Others(List<Member> staying)
    {
        var kept = staying.Select(member => member.Gpu).ToHashSet();
        return [.. state!.Members.Where(member => !kept.Contains(member.Gpu))];
    }

    /// <summary>Too few are left. Those that remain hold the state and wait, in a generation that cannot go on; or nobody remains.</summary>
    private void Starve(List<Member> staying)
    {
        var gone = Others(staying);
        var text = staying.Count == 0
            ? $"no worker is left (last: {string.Join(", ", gone.Select(member => member.Gpu))}); waiting for workers"
            : $"{staying.Count} of at least {state!.Spec.MinRanks} ranks are left; waiting for workers";
        var isHeld = staying.Count > 0 && (IsStateHeld || state!.HeldByMembers);
        var (generation, hash) = (state!.Generation, state.Hash);
        if (gone.Length > 0)
        {
            // Members that stay are asked again in the next generation; that one is not formed before there are enough.
            var next = CurrentMembership.Apply(generation + 1, [.. gone.Select(member => member.Gpu)], []);
            (generation, hash) = (next.Generation, next.Hash);
        }

        Persist(state! with { Phase = staying.Count == 0 ? JobPhase.Waiting : JobPhase.Active, Reason = text, Generation = generation, Hash = hash, Members = staying, Planned = false, Holders = HoldersNow, HeldByMembers = isHeld, ParkedFor = null, Recorded = recorded });
        foreach (var member in gone)
        {
            BeginRelease(member.Gpu, leaving.TryGetValue(member.Gpu, out var why) ? why : "excluded");
            leaving.Remove(member.Gpu);
        }

        ForgetGenerationState();
        stalled = text;
        if (staying.Count == 0)
            stateLostAt ??= now;
        Observe(EventKinds.JobWaiting, text, recoveryCause);
        requestAt = now;
        if (IsStateHeld)
            LetGo();
    }

    private void ForgetGenerationState()
    {
        forming = null;
        holding.Clear();
        edges.Clear();
        testimonies.Clear();
        softEvidenceAt = null;
        hardEvidenceAt = null;
        faulted.Clear();
        unable.Clear();
        plans.Clear();
        deal = null;
        plansTaken.Clear();
        advancedRanks.Clear();
        finishedHashes.Clear();
    }

    /// <summary>The generation's data-plane key: HMAC-SHA256 of the job's secret over job, incarnation and generation.</summary>
    private string KeyOf(long generation) => Convert.ToBase64String(HMACSHA256.HashData(
        Convert.FromBase64String(state!.Spec.Secret),
        Encoding.UTF8.GetBytes($"{id}|{state.Incarnation}|{generation}")));
}
