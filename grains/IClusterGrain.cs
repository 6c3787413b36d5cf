using Coordinator.Machines;
using Orleans.Metadata;

namespace Coordinator.Grains;

/// <summary>The one cluster: inventory, and which job has which gpus. Its key is <c>cluster</c>.</summary>
[GrainInterfaceType(GrainNames.ClusterInterface)]
[DefaultGrainType(GrainNames.Cluster)]
public interface IClusterGrain : IMachineGrain
{
    /// <summary>A node says how it is; repeated until taken.</summary>
    /// <param name="report">JSON of a <see cref="NodeReported"/>.</param>
    Task ReportNode(string report);

    /// <summary>A gpu says whether it may be given work.</summary>
    /// <param name="report">JSON of a <see cref="GpuConditionReported"/>.</param>
    Task ReportGpu(string report);

    /// <summary>A job says that a peer could not connect to a node.</summary>
    /// <param name="report">JSON of a <see cref="NodeUnreached"/>.</param>
    Task ReportUnreached(string report);

    /// <summary>A job says how many gpus it wants, and which it still uses.</summary>
    /// <param name="request">JSON of a <see cref="GpusRequested"/>.</param>
    Task RequestGpus(string request);

    /// <summary>The operators say how much power there is.</summary>
    /// <param name="settings">JSON of a <see cref="PowerSet"/>.</param>
    Task SetPower(string settings);

    /// <summary>The operators say how much the site may draw.</summary>
    /// <param name="cap">JSON of a <see cref="SiteCapSet"/>.</param>
    Task SetSiteCap(string cap);

    /// <summary>The utility approves what is above the approval line, or does so no more.</summary>
    /// <param name="approved">JSON of a <see cref="PowerApproved"/>.</param>
    Task ApprovePower(string approved);

    /// <summary>The operators describe a cooling zone.</summary>
    /// <param name="zone">JSON of a <see cref="CoolingZoneSet"/>.</param>
    Task SetCoolingZone(string zone);

    /// <summary>A cooling zone is no more.</summary>
    /// <param name="cleared">JSON of a <see cref="CoolingZoneCleared"/>.</param>
    Task ClearCoolingZone(string cleared);
}
