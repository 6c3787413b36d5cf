using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// The gpus that the cluster offers the job, and the job's requests for them. An older answer never replaces a newer one; a member that is
/// missing is no evidence against it, since a cluster's machine that was just loaded knows nobody. A request is repeated as long as the job
/// wants anything.
/// </summary>
internal sealed class GpuOffers(JobContext context)
{
    private readonly SortedDictionary<GpuId, GpuOffer> offers = [];

    /// <summary>What was said of shortages already: each once, as an event.</summary>
    private readonly HashSet<string> shortagesSaid = [];
    private long incarnation;
    private long sequence = -1;
    private long requests;

    /// <summary>Whether the cluster is to hear the job at once, be it over: it waits for that, or has not heard this activation.</summary>
    private bool isAwaited;

    /// <summary>All gpus of the job as the cluster sees them.</summary>
    public IReadOnlyDictionary<GpuId, GpuOffer> All => offers;

    /// <summary>Offers in the order of gpus.</summary>
    public IReadOnlyCollection<GpuOffer> Values => offers.Values;

    /// <summary>Whether the cluster has spoken since the job was loaded.</summary>
    public bool HaveCome => sequence >= 0;

    /// <summary>The newest offer, or a number below all that there are.</summary>
    public OfferNumber Newest => new(incarnation, sequence);

    /// <summary>When the job says next what it wants; null: it wants nothing.</summary>
    public TimeSpan? RequestAt { get; private set; }

    /// <summary>Why ranks are missing, for people; empty: for no reason that the cluster knows.</summary>
    public string Shortage { get; private set; } = "";

    /// <summary>Whether gpus that the job would have are drained: one of them may hold its state, and a person may give it back.</summary>
    public bool IsHeldByDrains { get; private set; }

    /// <summary>Gpus that the job could try: its members, and those offered that serve.</summary>
    public IEnumerable<GpuId> Reachable => offers.Values
        .Where(offer => offer.Up && DeviceClasses.Matches(context.State.DeviceClass ?? context.State.Spec.DeviceClass, offer.DeviceClass))
        .Select(offer => offer.Gpu)
        .Union(context.State.Members.Select(member => member.Gpu));

    /// <summary>
    /// The cluster offers gpus. False where it has said something newer, or speaks to an earlier activation: what that was offered last
    /// this one does not know, so it asks.
    /// </summary>
    public bool Take(GpusOffered offered)
    {
        if ((offered.Incarnation, offered.Sequence).CompareTo((incarnation, sequence)) <= 0)
            return false;
        var isForAnother = offered.For is { } activation && activation != context.State.Incarnation;
        isAwaited |= offered.Confirm || isForAnother;
        if (isForAnother)
            return false;
        (incarnation, sequence) = (offered.Incarnation, offered.Sequence);
        offers.Clear();
        foreach (var offer in offered.Gpus)
            offers.Add(offer.Gpu, offer);
        return true;
    }

    /// <summary>The job's wants have changed: it says so at once.</summary>
    public void RequestNow() => RequestAt = context.Now;

    /// <summary>Fewer gpus are offered than are wanted: the job asks again now, unless it is to anyway.</summary>
    public void RequestMore() => RequestAt ??= context.Now;

    /// <summary>
    /// The number of the request that is due now; null: none is. A job that is over says that it wants nothing until nothing is offered any
    /// more.
    /// </summary>
    public long? NextRequest()
    {
        if (context.IsOver && offers.Count == 0 && HaveCome && !isAwaited)
        {
            RequestAt = null;
            return null;
        }

        if (RequestAt is { } at && context.Now < at && !isAwaited)
            return null;
        isAwaited = false;
        RequestAt = context.Now + JobPace.Request(context.State.Spec.Ranks);
        return ++requests;
    }

    /// <summary>
    /// Why ranks are missing, where the class of devices is the reason, or power or cooling. Said as an event once for each set of classes
    /// or cause, and in the view as it is now.
    /// </summary>
    /// <param name="supply">What the cluster has.</param>
    /// <param name="isAnybodyNeeded">Whether the job waits.</param>
    public void NoteShortage(GpuSupply? supply, bool isAnybodyNeeded)
    {
        Shortage = "";

        // Whoever has all that it wants for now is told nothing of what there is beside.
        if (supply is not null)
            IsHeldByDrains = supply.Held is { Cause: Clusters.GpuLimit.Drained };
        if (context.IsOver || supply is null)
            return;
        var state = context.State;
        var named = state.DeviceClass ?? state.Spec.DeviceClass;

        // A silo that has just come knows of no gpu, and its job's members train: what is not known yet is not missing.
        var present = Math.Max(
            offers.Values.Count(offer => offer.Up && DeviceClasses.Matches(named, offer.DeviceClass)),
            isAnybodyNeeded ? 0 : state.Members.Count);
        var missing = state.Spec.Ranks - present;
        var seen = supply with { OfClass = Math.Max(supply.OfClass, present) };
        if (missing > 0 && supply.Held is { } held)
            Say($"{missing} of {state.Spec.Ranks} ranks {(missing == 1 ? "is" : "are")} missing: {held.Text}", held.Cause, held.Cause);
        else if (ClassShortage.Explain(missing, state.Spec.Ranks, state.DeviceClass, state.Spec.DeviceClass, seen) is { } text)
            Say(text, $"{supply.OfClass > 0} {string.Join(' ', supply.Others.Select(other => other.DeviceClass))}", "device class");
        else if (missing > 0 && supply.Waits is { Length: > 0 } waits && isAnybodyNeeded)
            Say(waits, "gpus", "gpus");
        else
            Shortage = missing > 0 ? supply.Waits ?? "" : "";
    }

    private void Say(string text, string subject, string cause)
    {
        Shortage = text;
        if (shortagesSaid.Add(subject))
            context.Observe(EventKinds.JobShort, text, cause);
    }
}
