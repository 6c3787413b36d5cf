using Coordinator.Machines;

namespace Coordinator.Engine;

/// <summary>The way to workers. Called on the dispatch thread: it must neither block nor throw.</summary>
public interface IWorkerLinks
{
    /// <summary>Sends over the node's newest connection; a message to a node without one is dropped, as the machines expect.</summary>
    void Send(NodeId node, CoordinatorMessage message);
}
