using Coordinator.Grains.Hosting;
using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>Hosts <see cref="Machines.Clusters.ClusterMachine"/>.</summary>
[KeepAlive]
[GrainType(GrainNames.Cluster)]
public sealed class ClusterGrain(IGrainServices services) : StoredMachineGrain(services, GrainKind.Cluster), IClusterGrain
{
    /// <inheritdoc/>
    public Task ReportNode(Mail report) => Take<NodeReported>(report);

    /// <inheritdoc/>
    public Task ReportGpu(Mail report) => Take<GpuConditionReported>(report);

    /// <inheritdoc/>
    public Task ReportUnreached(Mail report) => Take<NodeUnreached>(report);

    /// <inheritdoc/>
    public Task RequestGpus(Mail request) => Take<GpusRequested>(request);

    /// <inheritdoc/>
    public Task SetPower(Mail settings) => Take<PowerSet>(settings);

    /// <inheritdoc/>
    public Task SetSiteCap(Mail cap) => Take<SiteCapSet>(cap);

    /// <inheritdoc/>
    public Task ApprovePower(Mail approved) => Take<PowerApproved>(approved);

    /// <inheritdoc/>
    public Task SetCoolingZone(Mail zone) => Take<CoolingZoneSet>(zone);

    /// <inheritdoc/>
    public Task ClearCoolingZone(Mail cleared) => Take<CoolingZoneCleared>(cleared);
}
