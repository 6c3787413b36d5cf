namespace Coordinator.Machines.Clusters;

/// <content>
/// Maintenance: what operators have drained is given to nobody, and who has something there leaves in order. A training job leaves at the
/// end of a step as soon as it can go on without; until then, or until the drain's last moment, it stays, and a gpu that comes free takes
/// the place. A gang is ended in order at once, or at the last moment where there is one, and starts again elsewhere.
/// <para>
/// Drains are durable, and so is their last moment, by the time of day. What follows from them for gpus of jobs is reckoned anew at each
/// change, like all limits, so a drain that ends before a gpu was given back simply asks for it no more.
/// </para>
/// </content>
public sealed partial class ClusterMachine
{
    private readonly Drains drains = new();

    /// <summary>Until the first message the times of drains count from nothing, and nobody asks for them.</summary>
    private void LoadDrains(ClusterState state)
    {
        foreach (var drain in state.Drains)
            Cordon(drain, due: null);
    }

    /// <summary>What is left of each drain's time; all of it where this host does not know the time of day.</summary>
    private void BeginDrains(DateTimeOffset? at)
    {
        foreach (var drain in drains.All.ToArray())
            drains.Set(drain, DueOf(drain, at ?? drain.Since), sequence);
    }

    private TimeSpan? DueOf(Drain drain, DateTimeOffset at) =>
        drain.Until is not { } until ? null : until > at ? now + (until - at) : now;

    private void Cordon(Drain drain, TimeSpan? due)
    {
        drains.Set(drain, due, sequence);
        inventory.SetCordoned(drain.Node, drain.Gpu, true);
    }

    private void OnDrain(DrainOrdered ordered)
    {
        if (ordered.Reason.Length == 0 || ordered.By.Length == 0)
            return;
        Drain[] wanted =
        [
            .. ordered.Nodes.Select(node => Wanted(node, null)), .. ordered.Gpus.Select(gpu => Wanted(gpu.Node, gpu.Index)),
        ];
        Drain[] news = [.. wanted.DistinctBy(drain => drain.Target).Where(drain => drains.Find(drain.Node, drain.Gpu) != drain)];
        if (news.Length == 0)
            return;
        foreach (var drain in news)
            Cordon(drain, DueOf(drain, ordered.At));
        Persist(outputs);
        foreach (var drain in news)
        {
            Observe(EventKinds.DrainStarted, drain, $"{drain.Target} is {drain.Text}"
                + (drain.Until is { } until ? $"; what is there may go on until {until.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC" : ""));
        }

        Settle(outputs, [.. allocations.Keys]);
        TellNodes(news);

        Drain Wanted(NodeId node, int? gpu) =>
            drains.Find(node, gpu) is { } known
                ? known with { Reason = ordered.Reason, By = ordered.By, Until = ordered.Until }
                : new Drain(node, gpu, ordered.Reason, ordered.By, ordered.At, ordered.Until);
    }

    private void OnUncordon(UncordonOrdered ordered)
    {
        Drain[] ended =
        [
            .. ordered.Nodes.Select(node => drains.Find(node, null)).Concat(
                ordered.Gpus.Select(gpu => drains.Find(gpu.Node, gpu.Index))).OfType<Drain>().Distinct(),
        ];
        if (ended.Length == 0)
            return;
        foreach (var drain in ended)
        {
            drains.Remove(drain);
            inventory.SetCordoned(drain.Node, drain.Gpu, false);
        }

        Persist(outputs);
        foreach (var drain in ended)
            Observe(EventKinds.DrainEnded, drain, $"{drain.Target} is given work again by {ordered.By}; it was {drain.Text}");
        Settle(outputs, [.. allocations.Keys]);
        TellNodes(ended);
    }

    private void TellNodes(IEnumerable<Drain> changed)
    {
        foreach (var node in changed.Select(drain => drain.Node).Distinct())
        {
            if (inventory.Find(node) is { } report)
                TakeReport(report);
        }
    }

    /// <summary>Gpus of jobs that drains concern are limits like any other, whatever else limits them but a want of power.</summary>
    private void LimitDrained(Dictionary<JobId, SortedDictionary<GpuId, GpuLimit>> before)
    {
        foreach (var gpu in drains.All.SelectMany(OwnedBy).Distinct().ToArray())
        {
            var (job, drain) = (inventory.OwnerOf(gpu)!.Value, drains.Of(gpu)!);
            var allocation = allocations[job];
            if (allocation.Limits.GetValueOrDefault(gpu) is { Kind: GpuLimit.Shed or GpuLimit.Idle } || !MayAskBack(allocation, gpu))
                continue;
            allocation.Limits[gpu] = new GpuLimit(
                GpuLimit.Drained, drain.Text, before[job].GetValueOrDefault(gpu) is { Kind: GpuLimit.Drained } known ? known.Since : now);
        }
    }

    /// <summary>A gang cannot go on without any of its gpus, so it goes on with all of them until its last moment.</summary>
    private bool MayAskBack(Allocation allocation, GpuId gpu)
    {
        if (!allocation.IsGang || drains.DueOf(gpu) is not { } due || now >= due)
            return true;
        WakeAt(due);
        return false;
    }

    private IEnumerable<GpuId> OwnedBy(Drain drain) => drain.Gpu is { } index
        ? inventory.OwnerOf(new GpuId(drain.Node, index)) is null ? [] : [new GpuId(drain.Node, index)]
        : inventory.OwnedOn(drain.Node);

    /// <summary>
    /// Which drained gpus a job is asked for: those that it can go on without, those in whose place it has others, and all whose time is
    /// up. A job of one rank wants a second one because it was asked, so what was asked back stays so while there is another for it.
    /// </summary>
    private void GiveBackDrained(Allocation allocation, SortedSet<GpuId> next, ref int replaced)
    {
        if (drains.IsEmpty)
            return;
        var staying = allocation.Used.Count(gpu => allocation.Gpus.Contains(gpu) && inventory.IsFit(gpu) && !next.Contains(gpu));
        var least = Math.Max(1, Math.Min(allocation.Minimum ?? 1, allocation.Wanted));
        var hasOther = allocation.Unused.Any(gpu => inventory.IsFit(gpu) && !allocation.Limits.ContainsKey(gpu));
        foreach (var gpu in allocation.Limits.Where(pair => pair.Value.Kind == GpuLimit.Drained).Select(pair => pair.Key).Reverse()
            .OrderByDescending(allocation.GivingBack.Contains).ToArray())
        {
            var due = drains.DueOf(gpu);
            if (allocation.IsGang || now >= due || replaced > 0 || staying > least || (hasOther && allocation.GivingBack.Contains(gpu)))
            {
                next.Add(gpu);
                replaced--;
                staying -= inventory.IsFit(gpu) && allocation.Used.Contains(gpu) ? 1 : 0;
            }
            else if (due is { } at)
            {
                WakeAt(at);
            }
        }
    }

    /// <summary>Says once of each drain that nothing of any job is there any more, and that no job can put anything there.</summary>
    private void NoteDrained()
    {
        if (drains.IsEmpty)
            return;
        Drain[] done = [.. drains.All.Where(drain => !drain.Done && !OwnedBy(drain).Any() && !IsAwaited(drain))];
        if (done.Length == 0)
            return;
        foreach (var drain in done)
            drains.Note(drain with { Done = true });
        Persist(outputs);
        foreach (var drain in done)
            Observe(EventKinds.DrainDone, drain, $"{drain.Target} is drained: no job has anything there any more; {drain.Text}");
    }

    /// <summary>A job that lacks gpus hears of those that it would have if nobody had drained them.</summary>
    private HeldBack? HeldByDrains(string? wanted)
    {
        if (drains.IsEmpty)
            return null;
        var held = inventory.Cordoned.Where(gpu => DeviceClasses.Matches(wanted, gpu.Class)).Select(gpu => gpu.Gpu).ToArray();
        return held.Length == 0 ? null : new HeldBack(
            GpuLimit.Drained,
            $"{Counted.Of(held.Length, "gpu")} {(held.Length == 1 ? "is" : "are")} drained ({held[0]} {drains.Of(held[0])!.Text})");
    }

    private DrainView[] DescribeDrains() => [.. drains.All.Select(drain =>
    {
        DrainedJobView[] jobs =
        [
            .. OwnedBy(drain).GroupBy(gpu => inventory.OwnerOf(gpu)!.Value)
                .Select(gpus => new DrainedJobView(gpus.Key, [.. gpus], WhatFor(allocations[gpus.Key], [.. gpus], drain))),
            .. allocations.Where(pair => pair.Value.Withdrawn.Keys.Any(drain.Covers)).Select(pair => new DrainedJobView(
                pair.Key, [.. pair.Value.Withdrawn.Keys.Where(drain.Covers)], "it has not said yet that it has heard of the drain")),
        ];
        return new DrainView(
            drain.Node,
            drain.Gpu,
            jobs.Length > 0 ? DrainView.Draining : DrainView.Drained,
            drain.Reason,
            drain.By,
            drain.Since,
            drain.Until)
        {
            Jobs = jobs,
        };
    })];

    private static string WhatFor(Allocation allocation, GpuId[] gpus, Drain drain) =>
        allocation.Parked ? "it is parked, and keeps its only state there until it has another gpu"
            : allocation.IsGang && gpus.All(allocation.GivingBack.Contains) ? "its processes are ended, and start again elsewhere"
            : allocation.IsGang ? $"it may end by itself until {drain.Until?.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC"
            : gpus.All(allocation.GivingBack.Contains) ? "it leaves at the end of a step"
            : $"it cannot go on with fewer than {Counted.Of(allocation.Minimum ?? 1, "gpu")}, and leaves when it has another"
                + (drain.Until is { } until ? $", or at {until.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC" : "");

    private void Observe(string kind, Drain drain, string text) => outputs.Observe(new CoordinatorEvent
    {
        Kind = kind,
        Node = drain.Node,
        Gpu = drain.Gpu is { } index ? new GpuId(drain.Node, index) : null,
        Cause = drain.Reason,
        Text = text,
    });
}
