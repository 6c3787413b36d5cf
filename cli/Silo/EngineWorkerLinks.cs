using Coordinator.Engine;
using Coordinator.Machines;
using Coordinator.Server.Gateway;

namespace Coordinator.Cli.Silo;

/// <summary>The gateway's connections as the engine sees them.</summary>
internal sealed class EngineWorkerLinks(WorkerLinks links) : IWorkerLinks
{
    public void Send(NodeId node, CoordinatorMessage message) => links.Send(node, message);
}
