using Coordinator.Grains.Hosting;
using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>Hosts <see cref="Machines.Nodes.NodeMachine"/>.</summary>
public sealed class NodeGrain(IGrainServices services) : MachineGrain(services), INodeGrain
{
    /// <inheritdoc/>
    protected override GrainKind Kind => GrainKind.Node;
}
