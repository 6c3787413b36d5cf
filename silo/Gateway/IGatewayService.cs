using Orleans.Services;

namespace Coordinator.Silo.Gateway;

/// <summary>One on every silo: takes messages for workers that are connected to it, from grains on other silos.</summary>
[GrainInterfaceType("Coordinator.Silo.Gateway.IGatewayService")]
public interface IGatewayService : IGrainService
{
    /// <summary>Hands messages to a node's worker, in order.</summary>
    /// <param name="node">The node.</param>
    /// <param name="messages">UTF-8 JSON of <see cref="Machines.CoordinatorMessage"/> records, or of the name of one that all nodes of a
    /// job are told alike (<see cref="Grains.Hosting.PartName"/>).</param>
    /// <returns>False where the node has no connection here; then none was handed over.</returns>
    Task<bool> Deliver(string node, byte[][] messages);
}
