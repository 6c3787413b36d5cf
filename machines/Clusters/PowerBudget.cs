namespace Coordinator.Machines.Clusters;

/// <summary>
/// What the site draws by reckoning, what it may draw, and so whether one more gpu may run. A gpu draws while a job has it, whether it
/// computes or not: a cap must hold when all begin at once. A host draws while its worker is connected or a job has one of its gpus.
/// </summary>
internal sealed class PowerBudget
{
    private static readonly PowerSettings Unlimited = new();

    private readonly Dictionary<GpuId, string> gpus = [];
    private readonly Dictionary<NodeId, string> hosts = [];
    private readonly LoadMeter site = new();
    private readonly StartRamp ramp = new();

    /// <summary>The operators' settings; null: nothing is limited but what zones limit, which reckon with the initial watts.</summary>
    public PowerSettings? Settings { get; set; }

    /// <summary>Whether the utility has approved what is above the approval line.</summary>
    public bool Approved { get; set; }

    /// <summary>The cooling zones.</summary>
    public CoolingZones Zones { get; } = new();

    /// <summary>Watts by class: the settings', or the initial ones.</summary>
    public PowerSettings Rates => Settings ?? Unlimited;

    /// <summary>Most that the site may draw now, watts; null: no limit.</summary>
    public long? Usable => IsAwaitingApproval ? Settings!.ApprovalLineWatts : Settings?.SiteCapWatts;

    /// <summary>Whether the approval line, and not the cap, is the limit.</summary>
    public bool IsAwaitingApproval => !Approved && Settings?.ApprovalLineWatts is { } line && !(Settings.SiteCapWatts <= line);

    /// <summary>The limit of the draw's rise, watts a second; null: none.</summary>
    public long? RampLimit => Settings?.RampWattsPerSecond;

    /// <summary>Draw of all gpus and hosts, watts, without overhead.</summary>
    public long LoadWatts => site.Watts(Rates);

    /// <summary>Draw of the site, watts.</summary>
    public long SiteWatts => WithOverhead(LoadWatts);

    /// <summary>What draws.</summary>
    public LoadMeter Site => site;

    /// <summary>What the site draws for a load, watts, rounded up.</summary>
    public long WithOverhead(long load) => (long)Math.Ceiling(load * (decimal)Rates.Overhead);

    /// <summary>Draw of a gpu, watts, without overhead; of a class that is not known yet, the default.</summary>
    public long WattsOf(GpuId gpu) => Rates.GpuWatts(gpus.GetValueOrDefault(gpu, ""));

    /// <summary>Heat in a zone beyond its capacity, watts; not positive: it copes.</summary>
    public long ExcessOf(CoolingZone zone) => HeatOf(zone) - zone.CapacityWatts;

    /// <summary>Heat in a zone, watts.</summary>
    public long HeatOf(CoolingZone zone) => Zones.MeterOf(zone).Watts(Rates);

    /// <summary>A gpu draws as one of a class, or (null) not any more.</summary>
    public void SetGpu(GpuId gpu, string? deviceClass) =>
        Set(gpus, gpu, gpu.Node, deviceClass, (meter, of, count) => meter.AddGpus(of, count));

    /// <summary>A host draws as one of a class, or (null) not any more.</summary>
    public void SetHost(NodeId node, string? deviceClass) =>
        Set(hosts, node, node, deviceClass, (meter, of, count) => meter.AddHosts(of, count));

    /// <summary>Adds a cooling zone, or changes one.</summary>
    public void SetZone(CoolingZone zone)
    {
        Zones.Set(zone);
        CountZones();
    }

    /// <summary>Takes a cooling zone away.</summary>
    public void ClearZone(string name)
    {
        Zones.Clear(name);
        CountZones();
    }

    /// <summary>Why the site cannot feed one more gpu of a class, or several; null: it can.</summary>
    public HeldBack? WhyUnfed(string deviceClass, int gpus = 1)
    {
        if (Usable is not { } usable || WithOverhead(LoadWatts + (gpus * Rates.GpuWatts(deviceClass))) <= usable)
            return null;
        return IsAwaitingApproval
            ? new HeldBack("approval", $"free gpus are held back: the site draws {PowerText.Of(SiteWatts)} and may draw "
                + $"{PowerText.Of(usable)} until the utility approves more ('coordinator power approve')")
            : new HeldBack("power", $"free gpus are held back: the site draws {PowerText.Of(SiteWatts)} of at most {PowerText.Of(usable)} "
                + "('coordinator power')");
    }

    /// <summary>Why a gpu's zone cannot cool it beside what it cools already; null: it can, or the gpu is in none.</summary>
    public HeldBack? WhyUncooled(GpuId gpu, string deviceClass) => WhyUncooledBy(gpu, Rates.GpuWatts(deviceClass));

    /// <summary>Why a gpu's zone cannot cool so many watts more; null: it can, or the gpu is in none.</summary>
    public HeldBack? WhyUncooledBy(GpuId gpu, long moreWatts) =>
        Zones.Of(gpu.Node) is { } zone && HeatOf(zone) + moreWatts > zone.CapacityWatts
        ? new HeldBack("cooling", $"free gpus are held back: cooling zone {zone.Name} has {PowerText.Of(HeatOf(zone))} of heat for a "
            + $"capacity of {PowerText.Of(zone.CapacityWatts)} ('coordinator cooling')")
        : null;

    /// <summary>Lets a gpu start under the ramp limit.</summary>
    /// <returns>Null: it starts; else after how long it may.</returns>
    public TimeSpan? TakeStart(TimeSpan now, string deviceClass) =>
        RampLimit is { } limit ? ramp.Take(now, WithOverhead(Rates.GpuWatts(deviceClass)), limit) : null;

    private void Set<T>(Dictionary<T, string> counted, T thing, NodeId node, string? deviceClass, Action<LoadMeter, string, int> count)
        where T : notnull
    {
        counted.TryGetValue(thing, out var before);
        if (before == deviceClass)
            return;
        if (before is not null)
            Count(before, -1);
        if (deviceClass is not null)
            Count(deviceClass, 1);
        if (deviceClass is null)
            counted.Remove(thing);
        else
            counted[thing] = deviceClass;

        void Count(string of, int by)
        {
            count(site, of, by);
            if (Zones.Of(node) is { } zone)
                count(Zones.MeterOf(zone), of, by);
        }
    }

    private void CountZones()
    {
        foreach (var (gpu, deviceClass) in gpus)
        {
            if (Zones.Of(gpu.Node) is { } zone)
                Zones.MeterOf(zone).AddGpus(deviceClass, 1);
        }

        foreach (var (node, deviceClass) in hosts)
        {
            if (Zones.Of(node) is { } zone)
                Zones.MeterOf(zone).AddHosts(deviceClass, 1);
        }
    }
}
