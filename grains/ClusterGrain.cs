using Coordinator.Grains.Hosting;
using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>Hosts <see cref="Machines.Clusters.ClusterMachine"/>.</summary>
public sealed class ClusterGrain(IGrainServices services) : StoredMachineGrain(services, GrainKind.Cluster), IClusterGrain
{
    /// <inheritdoc/>
    public Task ReportNode(string report) => Take<NodeReported>(report);

    /// <inheritdoc/>
    public Task ReportGpu(string report) => Take<GpuConditionReported>(report);

    /// <inheritdoc/>
    public Task RequestGpus(string request) => Take<GpusRequested>(request);
}
