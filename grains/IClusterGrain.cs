using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Orleans.Metadata;

namespace Coordinator.Grains;

/// <summary>The one cluster: inventory, and which job has which gpus. Its key is <c>cluster</c>.</summary>
[GrainInterfaceType(GrainNames.ClusterInterface)]
[DefaultGrainType(GrainNames.Cluster)]
public interface IClusterGrain : IMachineGrain
{
    /// <summary>A node says how it is; repeated until taken.</summary>
    /// <param name="report">A <see cref="NodeReported"/>.</param>
    Task ReportNode(Mail report);

    /// <summary>A gpu says whether it may be given work.</summary>
    /// <param name="report">A <see cref="GpuConditionReported"/>.</param>
    Task ReportGpu(Mail report);

    /// <summary>A job says that a peer could not connect to a node.</summary>
    /// <param name="report">A <see cref="NodeUnreached"/>.</param>
    Task ReportUnreached(Mail report);

    /// <summary>A job says how many gpus it wants, and which it still uses.</summary>
    /// <param name="request">A <see cref="GpusRequested"/>.</param>
    Task RequestGpus(Mail request);

    /// <summary>The operators say how much power there is.</summary>
    /// <param name="settings">A <see cref="PowerSet"/>.</param>
    Task SetPower(Mail settings);

    /// <summary>The operators say how much the site may draw.</summary>
    /// <param name="cap">A <see cref="SiteCapSet"/>.</param>
    Task SetSiteCap(Mail cap);

    /// <summary>The utility approves what is above the approval line, or does so no more.</summary>
    /// <param name="approved">A <see cref="PowerApproved"/>.</param>
    Task ApprovePower(Mail approved);

    /// <summary>The operators describe a cooling zone.</summary>
    /// <param name="zone">A <see cref="CoolingZoneSet"/>.</param>
    Task SetCoolingZone(Mail zone);

    /// <summary>A cooling zone is no more.</summary>
    /// <param name="cleared">A <see cref="CoolingZoneCleared"/>.</param>
    Task ClearCoolingZone(Mail cleared);
}
