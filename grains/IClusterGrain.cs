using Coordinator.Machines;
using Orleans.Metadata;

namespace Coordinator.Grains;

/// <summary>The one cluster: inventory, and which job has which gpus. Its key is <c>cluster</c>.</summary>
[GrainInterfaceType(GrainNames.ClusterInterface)]
[Alias(GrainNames.ClusterInterface)]
[DefaultGrainType(GrainNames.Cluster)]
public interface IClusterGrain : IMachineGrain
{
    /// <summary>A node says how it is; repeated until taken.</summary>
    [Alias("ReportNode")]
    Task ReportNode(NodeReported report);

    /// <summary>A gpu says whether it may be given work.</summary>
    [Alias("ReportGpu")]
    Task ReportGpu(GpuConditionReported report);

    /// <summary>A job says that a peer could not connect to a node.</summary>
    [Alias("ReportUnreached")]
    Task ReportUnreached(NodeUnreached report);

    /// <summary>A job says how many gpus it wants, and which it still uses.</summary>
    [Alias("RequestGpus")]
    Task RequestGpus(GpusRequested request);

    /// <summary>The operators say how much power there is.</summary>
    [Alias("SetPower")]
    Task SetPower(PowerSet settings);

    /// <summary>The operators say how much the site may draw.</summary>
    [Alias("SetSiteCap")]
    Task SetSiteCap(SiteCapSet cap);

    /// <summary>The utility approves what is above the approval line, or does so no more.</summary>
    [Alias("ApprovePower")]
    Task ApprovePower(PowerApproved approved);

    /// <summary>The operators describe a cooling zone.</summary>
    [Alias("SetCoolingZone")]
    Task SetCoolingZone(CoolingZoneSet zone);

    /// <summary>A cooling zone is no more.</summary>
    [Alias("ClearCoolingZone")]
    Task ClearCoolingZone(CoolingZoneCleared cleared);

    /// <summary>The operators take nodes and gpus out of use.</summary>
    [Alias("Drain")]
    Task Drain(DrainOrdered ordered);

    /// <summary>The operators give nodes and gpus work again.</summary>
    [Alias("Uncordon")]
    Task Uncordon(UncordonOrdered ordered);
}
