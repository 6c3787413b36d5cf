namespace Coordinator.Machines.Clusters;

/// <content>
/// A job gets what it needs in one piece. Below its minimum it is given all that it lacks or nothing, so two jobs never hold half of what
/// each of them needs; whom that leaves waiting stands in nobody's way, since what is free goes to the next one that can use it.
/// </content>
public sealed partial class ClusterMachine
{
    /// <summary>
    /// A job that uses too few gpus to go on with gives back all but one after so long, if that helps another; the one keeps its state.
    /// </summary>
    private static readonly TimeSpan HoldTime = TimeSpan.FromSeconds(30);

    /// <summary>Gpus that a job lacks to go on at all; 0: it can.</summary>
    private int LackOf(JobId job, Allocation allocation)
    {
        if (allocation.Wanted == 0 || allocation.Minimum is not { } minimum)
            return 0;

        // One that is throttled or drained serves until another takes its place, or its time is up.
        var leaving = allocation.Limits.Count == 0 ? 0 : allocation.Limits.Count(
            pair => inventory.IsFit(pair.Key) && pair.Value.Kind != GpuLimit.Throttled
                && (pair.Value.Kind != GpuLimit.Drained || allocation.GivingBack.Contains(pair.Key)));
        return Math.Max(0, Math.Min(minimum, allocation.Wanted) - inventory.FitOf(job) + leaving);
    }

    /// <summary>Free gpus that make up whole nodes of what a gang is to have of each, the node's lowest first.</summary>
    private static IEnumerable<GpuId> WholeNodes(Allocation allocation, IEnumerable<GpuId> idle)
    {
        foreach (var node in idle.GroupBy(gpu => gpu.Node).Where(node => !allocation.Avoid.Contains(node.Key)))
        {
            var lacking = allocation.PerNode - allocation.Gpus.Count(gpu => gpu.Node == node.Key);
            var gpus = node.Take(lacking).ToArray();
            if (lacking > 0 && gpus.Length == lacking)
            {
                foreach (var gpu in gpus)
                    yield return gpu;
            }
        }
    }

    /// <summary>What a gang has of nodes of which it has too little, or which it avoids: it is of no use to it.</summary>
    private static GpuId[] OfBrokenNodes(Allocation allocation) => allocation.PerNode == 0 ? [] :
    [
        .. allocation.Unused.GroupBy(gpu => gpu.Node)
            .Where(node => allocation.Avoid.Contains(node.Key) || allocation.Gpus.Count(gpu => gpu.Node == node.Key) < allocation.PerNode)
            .SelectMany(node => node),
    ];

    /// <summary>A job says whether it is parked: the gpus that keep its state draw nothing meanwhile.</summary>
    private void NoteParked(Allocation allocation, bool parked)
    {
        if (!parked)
            allocation.Resumed = false;
        allocation.Parked = parked && !allocation.Resumed;
        foreach (var gpu in allocation.Used.Where(allocation.Gpus.Contains))
            budget.SetGpu(gpu, allocation.Parked ? null : ClassOf(gpu) ?? "");
    }

    /// <summary>
    /// Lets a parked job go on where the site can feed, and there is, what it needs to go on with. A gpu of a zone that cannot cool it any
    /// more counts for nothing, nor does one whose node is away: there must be others in their place. The former is a member until the
    /// others have its state, throttled; for want of the latter the job finds its state elsewhere, or waits for it.
    /// </summary>
    private bool MayGoOn(JobId job, Allocation allocation, SortedSet<JobId> changed)
    {
        if (!allocation.Parked)
            return true;
        var parked = allocation.Used.Where(allocation.Gpus.Contains).ToArray();
        if (parked.Length == 0 || (ClassOf(allocation) ?? allocation.DeviceClass) is not { Length: > 0 } deviceClass)
            return false;
        var serving = parked.Where(inventory.IsFit).ToArray();
        var hot = serving.Where(gpu => inventory.IsCordoned(gpu) || budget.WhyUncooled(gpu, deviceClass) is not null).ToArray();
        var more = Math.Max(0, Math.Min(allocation.Minimum ?? 1, allocation.Wanted) - inventory.FitOf(job) + hot.Length);
        var idle = inventory.FreeOf(deviceClass);
        allocation.Held = budget.WhyUnfed(deviceClass, serving.Length + more) ?? (
            idle.Count < more && hot.Length > 0 ? HeldByDrains(deviceClass) ?? budget.WhyUncooled(hot[0], deviceClass) : null);
        if (allocation.Held is not null || idle.Count < more)
            return false;
        (allocation.Parked, allocation.Resumed) = (false, true);
        foreach (var gpu in parked)
            allocation.Limits.Remove(gpu);
        foreach (var gpu in serving)
            budget.SetGpu(gpu, ClassOf(gpu) ?? "");

        if (MayStartTogether(allocation, deviceClass, idle, idle.Count, more))
        {
            foreach (var gpu in hot)
            {
                allocation.Limits[gpu] = drains.Of(gpu) is { } drain
                    ? new GpuLimit(GpuLimit.Drained, drain.Text, now)
                    : new GpuLimit(GpuLimit.Throttled, TooHot(budget.Zones.Of(gpu.Node)!), now);
            }
            Observe(EventKinds.PowerRestored, "", $"{job} is parked no more", job, parked.Length);
            changed.Add(job);
            return true;
        }

        (allocation.Parked, allocation.Resumed) = (true, false);
        foreach (var gpu in parked)
        {
            allocation.Limits[gpu] = UntilItCanGoOn;
            budget.SetGpu(gpu, null);
        }

        return false;
    }

    private GpuLimit UntilItCanGoOn => new(GpuLimit.Shed, "power: the job is parked until it can go on", now);

    /// <summary>A parked job stays so until it may go on, whatever a cluster that was loaded anew knows of the reason.</summary>
    private SortedDictionary<GpuId, GpuLimit> LimitsWhileParked(Allocation allocation)
    {
        var limits = new SortedDictionary<GpuId, GpuLimit>();
        foreach (var gpu in allocation.Used.Where(allocation.Gpus.Contains))
            limits[gpu] = allocation.Limits.GetValueOrDefault(gpu) ?? UntilItCanGoOn;
        return limits;
    }

    /// <summary>
    /// Whether so many gpus of a class may be given out together; says on the allocation why not, where they are held back.
    /// </summary>
    private bool MayStartTogether(Allocation allocation, string deviceClass, IEnumerable<GpuId> idle, int count, int together)
    {
        if (together == 0)
            return true;
        if (count < together)
            return false;
        allocation.Held = budget.WhyUnfed(deviceClass, together);
        if (allocation.Held is not null || budget.Zones.All.Count == 0)
            return allocation.Held is null;
        var heat = new Dictionary<string, long>(StringComparer.Ordinal);
        var cooled = 0;
        foreach (var gpu in idle)
        {
            var more = budget.Zones.Of(gpu.Node) is { } zone
                ? heat[zone.Name] = heat.GetValueOrDefault(zone.Name) + budget.Rates.GpuWatts(deviceClass)
                : 0;
            if (budget.WhyUncooledBy(gpu, more) is { } uncooled)
            {
                allocation.Held = uncooled;
            }
            else if (++cooled == together)
            {
                allocation.Held = null;
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Asks back what jobs hold that cannot go on with it, where another job that waits could go on with that and what is free. Each keeps
    /// one that it uses, a fit one if there is any: the others hold the same state, or the job does not let them go.
    /// </summary>
    private void AskIdleBack(Dictionary<JobId, SortedDictionary<GpuId, GpuLimit>> before)
    {
        foreach (var (job, allocation) in LeastImportantFirst)
        {
            if (allocation.ShortSince is not { } since)
                continue;
            if (now < since + HoldTime)
            {
                WakeAt(since + HoldTime);
                continue;
            }

            var used = allocation.Used.Where(allocation.Gpus.Contains).OrderByDescending(inventory.IsFit).ToArray();
            if (used.Length < 2 || ClassOf(allocation) is not { } deviceClass)
                continue;
            var helped = MostImportantFirst.Where(pair => pair.Key != job
                && (pair.Value.ShortSince is null || IsMoreImportant(pair, job, allocation))
                && DeviceClasses.Matches(ClassOf(pair.Value) ?? pair.Value.DeviceClass, deviceClass)
                && LackOf(pair.Key, pair.Value) is > 0 and var lack
                && lack <= inventory.FreeOf(deviceClass).Count + used.Length - 1).Select(pair => (JobId?)pair.Key).FirstOrDefault();
            if (helped is not { } other)
                continue;
            var reason = $"idle: {used.Length} gpus are too few for it to go on with, and {other} waits for them";
            foreach (var gpu in used.Skip(1))
            {
                allocation.Limits[gpu] = new GpuLimit(
                    GpuLimit.Idle, reason, before[job].GetValueOrDefault(gpu) is { Kind: GpuLimit.Idle } known ? known.Since : now);
            }
        }
    }

    private static bool IsMoreImportant(KeyValuePair<JobId, Allocation> other, JobId job, Allocation allocation) =>
        other.Value.Priority != allocation.Priority ? other.Value.Priority > allocation.Priority : other.Key.CompareTo(job) < 0;

    /// <summary>Notes since when jobs use gpus that are too few for them.</summary>
    private void NoteShort()
    {
        foreach (var (job, allocation) in allocations)
        {
            var isShort = allocation.Minimum is { } minimum && !allocation.Parked && allocation.Used.Count > 0
                && allocation.Used.Count < Math.Min(minimum, allocation.Wanted) && LackOf(job, allocation) > 0;
            allocation.ShortSince = isShort ? allocation.ShortSince ?? now : null;
        }
    }

    /// <summary>What a job that has fewer gpus than it wants waits for, and who has them; null: it has all.</summary>
    private string? WaitsOf(JobId job, Allocation allocation)
    {
        if (allocation.Wanted == 0 || ServingOf(job, allocation) >= allocation.Wanted)
            return null;
        var wanted = ClassOf(allocation) ?? allocation.DeviceClass;
        var idle = inventory.Free.Where(free => free.Value.Count > 0 && DeviceClasses.Matches(wanted, free.Key)).ToArray();
        var free = idle.Length < 2 ? $"{idle.Sum(of => of.Value.Count)} free"
            : $"{string.Join(", ", idle.Take(MostNamed).Select(of => $"{of.Value.Count} of class {of.Key}"))} free, and gpus of different "
                + "classes are never mixed in a job";
        var inService = inventory.InService(wanted);
        var least = Math.Min(allocation.Minimum ?? 1, allocation.Wanted);
        var text = $"wants {allocation.Wanted}{(least < allocation.Wanted ? $" (at least {least})" : "")}, "
            + $"{(allocation.Gpus.Count > 0 ? $"has {allocation.Gpus.Count}, " : "")}{free}";
        if (inService < least)
            return $"{text}; the cluster has {inService} of them in service, so it waits until more come";
        var others = MostImportantFirst.Where(pair => pair.Key != job
            && pair.Value.Gpus.Count > 0
            && pair.Value.Gpus.Any(gpu => ClassOf(gpu) is { } of && DeviceClasses.Matches(wanted, of))).ToArray();
        return text + (others.Length == 0 ? "" : "; ")
            + string.Join(
                ", ", others.Take(MostNamed).Select(pair => $"{pair.Key} (priority {pair.Value.Priority}) has {pair.Value.Gpus.Count}"))
            + (others.Length > MostNamed ? $" and {others.Length - MostNamed} more jobs have others" : "");
    }
}
