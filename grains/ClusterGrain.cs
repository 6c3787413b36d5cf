using Coordinator.Grains.Hosting;
using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>Hosts <see cref="Machines.Clusters.ClusterMachine"/>.</summary>
[GrainType(GrainNames.Cluster)]
public sealed class ClusterGrain(IGrainServices services) : StoredMachineGrain(services, GrainKind.Cluster), IClusterGrain
{
    /// <inheritdoc/>
    public Task ReportNode(string report) => Take<NodeReported>(report);

    /// <inheritdoc/>
    public Task ReportGpu(string report) => Take<GpuConditionReported>(report);

    /// <inheritdoc/>
    public Task ReportUnreached(string report) => Take<NodeUnreached>(report);

    /// <inheritdoc/>
    public Task RequestGpus(string request) => Take<GpusRequested>(request);

    /// <inheritdoc/>
    public Task SetPower(string settings) => Take<PowerSet>(settings);

    /// <inheritdoc/>
    public Task SetSiteCap(string cap) => Take<SiteCapSet>(cap);

    /// <inheritdoc/>
    public Task ApprovePower(string approved) => Take<PowerApproved>(approved);

    /// <inheritdoc/>
    public Task SetCoolingZone(string zone) => Take<CoolingZoneSet>(zone);

    /// <inheritdoc/>
    public Task ClearCoolingZone(string cleared) => Take<CoolingZoneCleared>(cleared);
}
