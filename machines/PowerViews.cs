using Coordinator.Machines.Clusters;

namespace Coordinator.Machines;

/// <summary>The site's power as operators see it. All draw is reckoned from the settings at full load, not measured.</summary>
public sealed record PowerView
{
    /// <summary>The settings; null: nothing is limited.</summary>
    public PowerSettings? Settings { get; init; }

    /// <summary>Whether the utility has approved what is above the approval line.</summary>
    public bool Approved { get; init; }

    /// <summary>Most that the site may draw now, watts; null: no limit.</summary>
    public long? UsableWatts { get; init; }

    /// <summary>Draw of the site with overhead, of all gpus that jobs have and of all hosts that run, watts.</summary>
    public long DrawWatts { get; init; }

    /// <summary>The part of that which belongs to gpus that have not started yet, since the ramp limit lets them wait.</summary>
    public long WaitingWatts { get; init; }

    /// <summary>
    /// Draw that no gpu can be taken back for, since each running job keeps one that holds its state, watts above what is usable; 0: none.
    /// </summary>
    public long OverWatts { get; init; }

    /// <summary>Gpus that jobs have.</summary>
    public int Gpus { get; init; }

    /// <summary>Hosts that run.</summary>
    public int Hosts { get; init; }

    /// <summary>What each job has of what it wants, the most important first.</summary>
    public IReadOnlyList<PowerShareView> Jobs { get; init; } = [];

    /// <summary>Gpus that a job has and may not use as it would, sorted.</summary>
    public IReadOnlyList<LimitedGpuView> Limited { get; init; } = [];
}

/// <summary>What a job has under the site's limits.</summary>
/// <param name="Job">The job.</param>
/// <param name="Priority">Its priority.</param>
/// <param name="Wanted">Gpus that it wants.</param>
/// <param name="Gpus">Gpus that it has, also those that it is to give back.</param>
/// <param name="GivingBack">Gpus that it is to give back at the end of a step.</param>
/// <param name="Waiting">Gpus that wait for the ramp limit.</param>
/// <param name="Held">Why it gets no more; empty: nothing is held back from it.</param>
public sealed record PowerShareView(JobId Job, int Priority, int Wanted, int Gpus, int GivingBack, int Waiting, string Held);

/// <summary>A gpu that a limit concerns.</summary>
/// <param name="Gpu">The gpu.</param>
/// <param name="Job">The job that has it.</param>
/// <param name="Limit"><c>shed</c>: to be given back for want of power; <c>throttled</c>: its zone is too hot; <c>ramp</c>: waits to
/// start.</param>
/// <param name="Reason">Why, for people.</param>
public sealed record LimitedGpuView(GpuId Gpu, JobId Job, string Limit, string Reason);

/// <summary>A cooling zone as operators see it.</summary>
/// <param name="Zone">The zone as set.</param>
/// <param name="HeatWatts">What its gpus and hosts draw, watts.</param>
/// <param name="Nodes">Its nodes that the cluster knows.</param>
/// <param name="Gpus">Gpus in it that jobs have.</param>
/// <param name="Throttled">Those of them that are throttled.</param>
public sealed record CoolingZoneView(CoolingZone Zone, long HeatWatts, int Nodes, int Gpus, int Throttled);
