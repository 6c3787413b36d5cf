using Coordinator.Grains.Hosting;
using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>Hosts <see cref="Machines.Clusters.ClusterMachine"/>.</summary>
[KeepAlive]
[GrainType(GrainNames.Cluster)]
public sealed class ClusterGrain([PersistentState(GrainNames.Cluster)] IPersistentState<StoredMachine> state, IGrainServices services)
    : MachineGrain(GrainKind.Cluster, services, state), IClusterGrain
{
    /// <inheritdoc/>
    public Task ReportNode(NodeReported report) => Turn(report);

    /// <inheritdoc/>
    public Task ReportGpu(GpuConditionReported report) => Turn(report);

    /// <inheritdoc/>
    public Task ReportUnreached(NodeUnreached report) => Turn(report);

    /// <inheritdoc/>
    public Task RequestGpus(GpusRequested request) => Turn(request);

    /// <inheritdoc/>
    public Task SetPower(PowerSet settings) => Turn(settings);

    /// <inheritdoc/>
    public Task SetSiteCap(SiteCapSet cap) => Turn(cap);

    /// <inheritdoc/>
    public Task ApprovePower(PowerApproved approved) => Turn(approved);

    /// <inheritdoc/>
    public Task SetCoolingZone(CoolingZoneSet zone) => Turn(zone);

    /// <inheritdoc/>
    public Task ClearCoolingZone(CoolingZoneCleared cleared) => Turn(cleared);

    /// <inheritdoc/>
    public Task Drain(DrainOrdered ordered) => Turn(ordered);

    /// <inheritdoc/>
    public Task Uncordon(UncordonOrdered ordered) => Turn(ordered);
}
