using Coordinator.Grains.Hosting;
using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>Hosts <see cref="Machines.Clusters.ClusterMachine"/>.</summary>
public sealed class ClusterGrain(IGrainServices services) : MachineGrain(services), IClusterGrain
{
    /// <inheritdoc/>
    protected override GrainKind Kind => GrainKind.Cluster;
}
