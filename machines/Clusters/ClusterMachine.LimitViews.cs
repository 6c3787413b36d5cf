namespace Coordinator.Machines.Clusters;

/// <content>What is said of limits: events of jobs, and the views.</content>
public sealed partial class ClusterMachine
{
    private const int MostNamed = 8;

    /// <summary>Says what has changed for a job's gpus.</summary>
    private void Say(JobId job, Allocation allocation, SortedDictionary<GpuId, GpuLimit> before)
    {
        Tell(GpuLimit.Shed, EventKinds.PowerShed, EventKinds.PowerRestored,
            gpus => $"{job} (priority {allocation.Priority}) gives back {gpus} at the end of a step, of {allocation.Gpus.Count}",
            gpus => $"{job} may keep {gpus}");
        Tell(GpuLimit.Throttled, EventKinds.GpuThrottled, EventKinds.GpuThrottled,
            gpus => $"{gpus} of {job} throttled: the work moves to free gpus of other zones, and what finds none in "
                + $"{DrainAfter.TotalSeconds:0} s is given back", gpus => $"{gpus} of {job} serve in full again");

        Tell(
            GpuLimit.Idle,
            EventKinds.GpusIdle,
            EventKinds.GpusIdle,
            gpus => $"{job} (priority {allocation.Priority}) gives back {gpus}, and keeps one with its state",
            gpus => $"{job} may keep {gpus}");

        void Tell(string kind, string begins, string ends, Func<string, string> beginning, Func<string, string> ending)
        {
            var added = allocation.Limits.Where(
                pair => pair.Value.Kind == kind && !(before.TryGetValue(pair.Key, out var known) && known.Kind == kind)).ToArray();
            var removed = before.Where(pair => pair.Value.Kind == kind
                && !(allocation.Limits.TryGetValue(pair.Key, out var still) && still.Kind == kind)).Select(pair => pair.Key).ToArray();
            if (added.Length > 0)
            {
                Observe(
                    begins,
                    added[0].Value.Reason[..added[0].Value.Reason.IndexOf(':', StringComparison.Ordinal)],
                    $"{beginning(Named([.. added.Select(pair => pair.Key)]))}; {added[0].Value.Reason}",
                    job,
                    added.Length);
            }
            if (removed.Length > 0)
                Observe(ends, "", ending(Named(removed)), job, removed.Length);
        }
    }

    private void SayRestored(JobId job, Allocation allocation, int given)
    {
        var back = Math.Min(given, allocation.Shed);
        if (back == 0)
            return;
        allocation.Shed -= back;
        Observe(
            EventKinds.PowerRestored,
            "",
            $"{job} has {back} gpu{(back == 1 ? "" : "s")} back{(allocation.Shed > 0 ? $", and {allocation.Shed} not yet" : "")}",
            job,
            back);
    }

    private void Observe(string kind, string cause, string text, JobId job, int gpus) => outputs.Observe(new CoordinatorEvent
    {
        Kind = kind,
        Job = job,
        Cause = cause.Length == 0 ? null : cause,
        Text = text,
        Numbers = new SortedDictionary<string, double> { ["gpus"] = gpus },
    });

    private static string Named(GpuId[] gpus) =>
        $"{gpus.Length} gpu{(gpus.Length == 1 ? "" : "s")} "
            + $"({string.Join(", ", gpus.Take(MostNamed))}{(gpus.Length > MostNamed ? ", …" : "")})";

    private PowerView DescribePower() => new()
    {
        Settings = budget.Settings,
        Approved = budget.Approved,
        UsableWatts = budget.Usable,
        DrawWatts = budget.SiteWatts,
        WaitingWatts = budget.WithOverhead(waiting.Sum(budget.WattsOf)),
        OverWatts = overWatts,
        Gpus = budget.Site.Gpus,
        Hosts = budget.Site.Hosts,
        Jobs =
        [
            .. MostImportantFirst.Select(pair => new PowerShareView(
                pair.Key, pair.Value.Priority, pair.Value.Wanted, pair.Value.Gpus.Count, pair.Value.GivingBack.Count, WaitingOf(pair.Value),
                WaitingOf(pair.Value) > 0 ? OfRamp.Text : pair.Value.Held?.Text ?? "")),
        ],
        Limited =
        [
            .. allocations.SelectMany(pair => pair.Value.Limits.Select(
                limit => new LimitedGpuView(limit.Key, pair.Key, limit.Value.Kind, limit.Value.Reason))
                .Concat(pair.Value.Gpus.Where(waiting.Contains).Select(
                    gpu => new LimitedGpuView(gpu, pair.Key, GpuLimit.Ramp, OfRamp.Text)))).OrderBy(limited => limited.Gpu),
        ],
    };

    private CoolingZoneView[] DescribeCooling() =>
    [
        .. budget.Zones.All.Select(zone => new CoolingZoneView(
            zone, budget.HeatOf(zone), inventory.Nodes.Count(node => budget.Zones.Of(node.Node)?.Name == zone.Name),
            budget.Zones.MeterOf(zone).Gpus,
            allocations.Values.Sum(allocation => allocation.Limits.Count(
                pair => pair.Value.Kind == GpuLimit.Throttled && budget.Zones.Of(pair.Key.Node)?.Name == zone.Name)))),
    ];
}
