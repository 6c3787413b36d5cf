namespace Coordinator.Machines.Clusters;

/// <content>
/// Power and cooling: whose gpus may run, who gives back when there is too little, and who starts when. What is too much is reckoned anew
/// from what is drawn and what is allowed whenever something changes, so nothing of it need be remembered: a cap that is raised before a
/// gpu was given back simply asks for it no more.
/// </content>
public sealed partial class ClusterMachine
{
    /// <summary>Starts under the ramp limit are gathered for so long: each batch makes a generation of its job.</summary>
    private static readonly TimeSpan StartPause = TimeSpan.FromSeconds(1);

    /// <summary>A gpu of a zone that is too hot is throttled for so long before it is taken from a job that gets no other for it.</summary>
    private static readonly TimeSpan DrainAfter = TimeSpan.FromSeconds(10);

    private readonly PowerBudget budget = new();
    private readonly SortedSet<GpuId> waiting = [];
    private readonly SortedDictionary<NodeId, long> startedUnder = [];
    private TimeSpan? limitsAt;
    private bool rampIsClosed;
    private long overWatts;

    private IEnumerable<KeyValuePair<JobId, Allocation>> MostImportantFirst => allocations.OrderByDescending(pair => pair.Value.Priority);

    /// <summary>The lowest priority first; of equal ones, the highest id.</summary>
    private IEnumerable<KeyValuePair<JobId, Allocation>> LeastImportantFirst =>
        allocations.OrderBy(pair => pair.Value.Priority).ThenByDescending(pair => pair.Key);

    private HeldBack OfRamp => new("ramp", "starts are staggered, so that the draw rises by no more than "
        + $"{PowerText.Of(budget.RampLimit ?? 0)} a second ('coordinator power')");

    private void LoadLimits(ClusterState state)
    {
        (budget.Settings, budget.Approved) = (state.Power, state.PowerApproved);
        foreach (var zone in state.Zones)
            budget.SetZone(zone);
        foreach (var process in state.Started)
            startedUnder[process.Node] = process.Boot;
        waiting.UnionWith(state.Waiting);
    }

    private ClusterState WithLimits(ClusterState state) => state with
    {
        Power = budget.Settings,
        PowerApproved = budget.Approved,
        Zones = [.. budget.Zones.All],
        Started = budget.RampLimit is null ? [] : [.. startedUnder.Select(pair => new WorkerProcess(pair.Key, pair.Value))],
        Waiting = [.. waiting],
    };

    private void OnOperator(GrainMessage message)
    {
        switch (message)
        {
            case DrainOrdered ordered:
                OnDrain(ordered);
                break;
            case UncordonOrdered ordered:
                OnUncordon(ordered);
                break;
            case PowerSet set when set.Settings?.Problem() is null:
                budget.Settings = set.Settings;
                budget.Approved &= set.Settings is not null;
                Change(
                    EventKinds.PowerChanged,
                    "settings",
                    () => set.Settings is null ? "power is not limited any more" : $"power is set: {Words(set.Settings)}");
                break;
            case SiteCapSet cap when (budget.Rates with { SiteCapWatts = cap.Watts }).Problem() is null:
                var before = budget.Settings?.SiteCapWatts;
                budget.Settings = budget.Rates with { SiteCapWatts = cap.Watts };
                Change(EventKinds.PowerChanged, "cap", () => $"the site cap is {Words(cap.Watts)}, was {Words(before)}");
                break;
            case PowerApproved approved:
                budget.Approved = approved.Approved;
                Change(EventKinds.PowerChanged, "approval", () => (approved.Approved
                    ? $"the utility has approved what is above the line of {Words(budget.Settings?.ApprovalLineWatts)}"
                    : $"without approval nothing is usable above the line of {Words(budget.Settings?.ApprovalLineWatts)}")
                    + (approved.Reason.Length == 0 ? "" : $" ({approved.Reason})"));
                break;
            case CoolingZoneSet set when set.Zone.Problem() is null:
                budget.SetZone(set.Zone);
                Change(
                    EventKinds.CoolingChanged,
                    set.Zone.Name,
                    () => $"cooling zone {set.Zone.Name} ({string.Join(", ", set.Zone.Nodes)}) has a capacity of "
                        + $"{PowerText.Of(set.Zone.CapacityWatts)} and {PowerText.Of(budget.HeatOf(set.Zone))} of heat");
                break;
            case CoolingZoneCleared cleared when budget.Zones.Find(cleared.Name) is not null:
                budget.ClearZone(cleared.Name);
                Change(EventKinds.CoolingChanged, cleared.Name, () => $"there is no cooling zone {cleared.Name} any more");
                break;
        }
    }

    /// <summary>What the operators said is durable, then acted upon; the event tells both, as things stand then.</summary>
    private void Change(string kind, string cause, Func<string> text)
    {
        if (budget.RampLimit is null)
            waiting.Clear();
        Persist(outputs);
        Settle(outputs, [.. allocations.Keys]);
        outputs.Observe(new CoordinatorEvent
        {
            Kind = kind,
            Cause = cause,
            Text = $"{text()}: {Follows()}",
            Numbers = new SortedDictionary<string, double>
            {
                ["drawWatts"] = budget.SiteWatts,
                ["gpus"] = budget.Site.Gpus,
                ["givingBack"] = GivingBackNow,
                ["overWatts"] = overWatts,
            },
        });
    }

    private int GivingBackNow => allocations.Values.Sum(allocation => allocation.GivingBack.Count);

    private string Follows()
    {
        var text = $"{Counted.Of(budget.Site.Gpus, "gpu")} and {Counted.Of(budget.Site.Hosts, "host")} draw "
            + $"{PowerText.Of(budget.SiteWatts)}{(budget.Usable is { } usable ? $" of {PowerText.Of(usable)}" : "")}";
        if (GivingBackNow is > 0 and var back)
            text += $"; {back} gpus are given back at the end of a step";
        if (overWatts > 0)
            text += $"; {PowerText.Of(overWatts)} too much remain, for every running job keeps a gpu that holds its state";
        var held = allocations.Values.Count(allocation => allocation.Held is not null);
        return held == 0 ? text : $"{text}; {held} jobs wait for more gpus";
    }

    private static string Words(long? watts) => watts is { } some ? PowerText.Of(some) : "none";

    private static string Words(PowerSettings settings) => FormattableString.Invariant(
        $"{settings.WattsPerGpu} W a gpu and {settings.WattsPerNode} W a host, times {settings.Overhead}; site cap {Words(settings.SiteCapWatts)}, approval line {Words(settings.ApprovalLineWatts)}, ramp {Words(settings.RampWattsPerSecond)} a second");

    // What draws.

    private void NoteGiven(GpuId gpu)
    {
        budget.SetGpu(gpu, ClassOf(gpu) ?? "");
        NoteHost(gpu.Node);
        if (inventory.Find(gpu.Node) is { } node)
            startedUnder[gpu.Node] = node.Session.Boot;
    }

    private void NoteTaken(Allocation allocation, GpuId gpu)
    {
        budget.SetGpu(gpu, null);
        NoteHost(gpu.Node);
        waiting.Remove(gpu);
        if (allocation.Limits.Remove(gpu, out var limit) && limit.Kind == GpuLimit.Shed)
            allocation.Shed++;
        allocation.GivingBack.Remove(gpu);
        if (inventory.OwnedOn(gpu.Node).Count == 0)
            startedUnder.Remove(gpu.Node);
    }

    /// <summary>
    /// A node reported something new: its gpus may be of another class, and a later process of its worker is a start of those that jobs
    /// have.
    /// </summary>
    private void NoteLoad(NodeReported report)
    {
        var owned = inventory.OwnedOn(report.Node);
        foreach (var gpu in owned)
        {
            if (ClassOf(gpu) is { } deviceClass && !IsParked(gpu))
                budget.SetGpu(gpu, deviceClass);
        }

        NoteHost(report.Node);
        if (owned.Count == 0)
            return;
        if (budget.RampLimit is not null && startedUnder.TryGetValue(report.Node, out var boot) && boot != report.Session.Boot)
            waiting.UnionWith(owned);
        startedUnder[report.Node] = report.Session.Boot;
    }

    private bool IsParked(GpuId gpu) =>
        inventory.OwnerOf(gpu) is { } owner && allocations[owner] is { Parked: true } job && job.Used.Contains(gpu);

    private void NoteHost(NodeId node)
    {
        var report = inventory.Find(node);
        budget.SetHost(
            node,
            report is { Up: true } || inventory.OwnedOn(node).Count > 0 ? report?.Gpus is [var first, ..] ? first.DeviceClass : "" : null);
    }

    // Who gives back.

    /// <summary>Gpus of a job that serve it, and will: those that a limit concerns do not count.</summary>
    private int ServingOf(JobId job, Allocation allocation) =>
        inventory.FitOf(job) - (allocation.Limits.Count == 0 ? 0 : allocation.Limits.Keys.Count(inventory.IsFit));

    private int WaitingOf(Allocation allocation) => waiting.Count == 0 ? 0 : allocation.Gpus.Count(waiting.Contains);

    /// <summary>
    /// Reckons which gpus are too many for the site and for their zones, and takes those of them back that are not in use.
    /// </summary>
    private void Limit(SortedSet<JobId> changed)
    {
        limitsAt = null;
        rampIsClosed = false;
        overWatts = 0;
        var hot = budget.Zones.All.Where(zone => budget.ExcessOf(zone) > 0).ToArray();
        var tooMuch = budget.Usable is { } most && budget.SiteWatts > most;
        NoteShort();
        if (hot.Length == 0 && !tooMuch && drains.IsEmpty
            && allocations.Values.All(allocation => allocation is { Limits.Count: 0, ShortSince: null, Parked: false }))
        {
            return;
        }
        var before = allocations.ToDictionary(pair => pair.Key, pair => pair.Value.Limits);
        foreach (var allocation in allocations.Values)
            allocation.Limits = allocation.Parked ? LimitsWhileParked(allocation) : [];
        foreach (var zone in hot)
            Throttle(zone, before);
        if (tooMuch)
            Shed(budget.Usable!.Value, before);
        AskIdleBack(before);
        LimitDrained(before);
        foreach (var (job, allocation) in allocations)
        {
            if (!before[job].SequenceEqual(allocation.Limits))
            {
                changed.Add(job);
                Say(job, allocation, before[job]);
            }

            if (allocation.Limits.Count > 0)
                Reclaim(job, allocation, changed);
        }
    }

    private static string TooHot(CoolingZone zone) =>
        $"cooling: zone {zone.Name} takes away no more than {PowerText.Of(zone.CapacityWatts)}";

    private void Throttle(CoolingZone zone, Dictionary<JobId, SortedDictionary<GpuId, GpuLimit>> before)
    {
        var heat = budget.HeatOf(zone);
        var reason = TooHot(zone);
        foreach (var (job, allocation) in LeastImportantFirst)
        {
            foreach (var gpu in LeastNeededFirst(allocation).Where(gpu => budget.Zones.Of(gpu.Node)?.Name == zone.Name).ToArray())
            {
                if (heat <= zone.CapacityWatts)
                    return;
                heat -= budget.WattsOf(gpu);
                allocation.Limits[gpu] = new GpuLimit(
                    GpuLimit.Throttled,
                    reason,
                    before[job].GetValueOrDefault(gpu) is { Kind: GpuLimit.Throttled } known ? known.Since : now);
            }
        }
    }

    /// <summary>
    /// A job is shed to no less than its minimum, or whole: with fewer it would stop, and keep idle what another could use. One that is
    /// shed whole parks, with its state on one gpu that computes nothing. A job that does not say what it needs keeps one gpu that it uses.
    /// </summary>
    private void Shed(long usable, Dictionary<JobId, SortedDictionary<GpuId, GpuLimit>> before)
    {
        var load = budget.LoadWatts;
        var reason = $"power: the site may draw no more than {PowerText.Of(usable)}";
        foreach (var (job, allocation) in LeastImportantFirst)
        {
            if (allocation.Parked)
                continue;
            var used = allocation.Used.Count(allocation.Gpus.Contains);
            GpuId[] drawing = [.. LeastNeededFirst(allocation).Where(gpu => budget.WattsOf(gpu) > 0)];
            var keep = allocation.Minimum is { } minimum ? Math.Min(minimum, drawing.Length) : 0;
            var taken = 0;
            foreach (var gpu in drawing)
            {
                if (budget.WithOverhead(load) <= usable)
                    return;
                if (allocation.Minimum is null && allocation.Used.Contains(gpu) && --used == 0)
                    break;
                if (drawing.Length - taken <= keep)
                {
                    ShedWhole(job, allocation);
                    break;
                }

                taken++;
                load -= budget.WattsOf(gpu);
                Take(job, allocation, gpu);
            }
        }

        overWatts = Math.Max(0, budget.WithOverhead(load) - usable);

        void ShedWhole(JobId job, Allocation allocation)
        {
            allocation.Resumed = false;
            foreach (var gpu in allocation.Gpus)
            {
                if (allocation.Limits.GetValueOrDefault(gpu)?.Kind != GpuLimit.Shed)
                    load -= budget.WattsOf(gpu);
                Take(job, allocation, gpu);
            }
        }

        void Take(JobId job, Allocation allocation, GpuId gpu) =>
            allocation.Limits[gpu] = new GpuLimit(
                GpuLimit.Shed, reason, before[job].GetValueOrDefault(gpu) is { Kind: GpuLimit.Shed } known ? known.Since : now);
    }

    /// <summary>
    /// Gpus of a job, those first without which it loses least: unused ones, such as serve nobody now, throttled ones, then by falling id.
    /// </summary>
    private IEnumerable<GpuId> LeastNeededFirst(Allocation allocation) => allocation.Gpus.Reverse().OrderBy(gpu =>
        !allocation.Used.Contains(gpu) ? 0
            : !inventory.IsFit(gpu) || waiting.Contains(gpu) ? 1
            : allocation.Limits.ContainsKey(gpu) ? 2
            : 3);

    /// <summary>
    /// Which gpus are asked back: what the site cannot feed, at once; what a zone cannot cool, when the job has another for it, or when it
    /// has had none for a while.
    /// </summary>
    private void GiveBack(SortedSet<JobId> changed)
    {
        foreach (var (job, allocation) in allocations)
        {
            if (allocation.Limits.Count == 0 && allocation.GivingBack.Count == 0)
                continue;
            SortedSet<GpuId> next =
            [
                .. allocation.Limits.Where(pair => pair.Value.Kind is GpuLimit.Shed or GpuLimit.Idle).Select(pair => pair.Key)
            ];
            var replaced = inventory.FitOf(job) - WaitingOf(allocation) - allocation.Wanted;
            var staying = allocation.Used.Count(gpu => allocation.Gpus.Contains(gpu) && !next.Contains(gpu));

            // What was asked back stays so: a job of one rank wants a second one because of it.
            foreach (var (gpu, limit) in allocation.Limits.Where(pair => pair.Value.Kind == GpuLimit.Throttled).Reverse().OrderByDescending(
                pair => allocation.GivingBack.Contains(pair.Key)))
            {
                if (replaced-- > 0 || allocation.GivingBack.Contains(gpu)
                    || (now >= limit.Since + DrainAfter && staying > Math.Max(1, allocation.Minimum ?? 1)))
                {
                    next.Add(gpu);
                    staying--;
                }
                else if (now < limit.Since + DrainAfter)
                {
                    WakeAt(limit.Since + DrainAfter);
                }
            }

            GiveBackDrained(allocation, next, ref replaced);
            if (next.SetEquals(allocation.GivingBack))
                continue;
            allocation.GivingBack = next;
            changed.Add(job);
        }
    }

    // Who starts.

    /// <summary>Gpus of jobs whose workers have started again begin as the ramp limit lets them, the most important job's first.</summary>
    private void StartWaiting(SortedSet<JobId> changed)
    {
        if (waiting.Count == 0)
            return;
        foreach (var (job, allocation) in MostImportantFirst)
        {
            foreach (var gpu in allocation.Gpus.Where(gpu => waiting.Contains(gpu) && inventory.IsFit(gpu)).ToArray())
            {
                if (!TakeStart(ClassOf(gpu) ?? ""))
                    return;
                waiting.Remove(gpu);
                changed.Add(job);
            }
        }
    }

    /// <summary>
    /// Of the free gpus of a class, as many as are missing and may be given out now; says on the allocation why there are no more.
    /// </summary>
    private IEnumerable<GpuId> MayStart(Allocation allocation, string deviceClass, IEnumerable<GpuId> free, int missing, int together)
    {
        // Only zones tell one gpu from another: without them there is no need to look at all that are free.
        if (budget.Zones.All.Count == 0)
            free = free.Take(missing);
        HeldBack? held = null;
        var isGang = together > 1;
        foreach (var gpu in budget.WhyUnfed(deviceClass) is null ? free.ToArray() : free.Take(1))
        {
            if (missing == 0)
                break;
            if (budget.WhyUnfed(deviceClass) is { } unfed)
            {
                held = unfed;
                break;
            }

            if (budget.WhyUncooled(gpu, deviceClass) is { } uncooled)
            {
                held = uncooled;
                continue;
            }

            // What a job needs to go on at all is its own in one piece, and starts one by one.
            if (!TakeStart(deviceClass))
            {
                if (!isGang || together <= 0)
                {
                    held = OfRamp;
                    break;
                }

                waiting.Add(gpu);
            }

            together--;
            missing--;
            yield return gpu;
        }

        allocation.Held = missing == 0 ? null : held;
    }

    private bool TakeStart(string deviceClass)
    {
        if (rampIsClosed)
            return false;
        if (budget.TakeStart(now, deviceClass) is not { } wait)
            return true;
        rampIsClosed = true;
        WakeAt(now + (wait > StartPause ? wait : StartPause));
        return false;
    }

    private void WakeAt(TimeSpan at) => limitsAt = limitsAt < at ? limitsAt : at;
}
