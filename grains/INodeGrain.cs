using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Orleans.Metadata;

namespace Coordinator.Grains;

/// <summary>A host and its worker. Its key is the node's id. Between job and gpu in the chain of command.</summary>
[GrainInterfaceType(GrainNames.NodeInterface)]
[DefaultGrainType(GrainNames.Node)]
public interface INodeGrain : IMachineGrain
{
    /// <summary>A gateway says that the node's worker has connected to it.</summary>
    /// <param name="connected">A <see cref="WorkerConnected"/>.</param>
    Task Connect(Mail connected);

    /// <summary>A gateway passes on what the node's worker said: heartbeats end here, reports go on to their job.</summary>
    /// <param name="said">A <see cref="WorkerSaid"/>.</param>
    Task Hear(Mail said);

    /// <summary>A gateway says that the worker's connection ended.</summary>
    /// <param name="disconnected">A <see cref="WorkerDisconnected"/>.</param>
    Task Disconnect(Mail disconnected);

    /// <summary>A job's orders for the node's gpus, with the membership that they rest on.</summary>
    /// <param name="orders">A <see cref="NodeOrders"/>.</param>
    Task Order(Mail orders);

    /// <summary>The cluster has taken a report.</summary>
    /// <param name="taken">A <see cref="NodeReportTaken"/>.</param>
    Task AcknowledgeReport(Mail taken);
}
