using Coordinator.Machines;
using Orleans.Metadata;

namespace Coordinator.Grains;

/// <summary>A host and its worker. Its key is the node's id. Between job and gpu in the chain of command.</summary>
[GrainInterfaceType(GrainNames.NodeInterface)]
[Alias(GrainNames.NodeInterface)]
[DefaultGrainType(GrainNames.Node)]
[TakesPartNames]
public interface INodeGrain : IMachineGrain
{
    /// <summary>A gateway says that the node's worker has connected to it.</summary>
    [Alias("Connect")]
    Task Connect(WorkerConnected connected);

    /// <summary>A gateway passes on what the node's worker said: heartbeats end here, reports go on to their job.</summary>
    [Alias("Hear")]
    Task Hear(WorkerSaid said);

    /// <summary>A gateway says that the worker's connection ended.</summary>
    [Alias("Disconnect")]
    Task Disconnect(WorkerDisconnected disconnected);

    /// <summary>A job's orders for the node's gpus, with the membership that they rest on.</summary>
    [Alias("Order")]
    Task Order(NodeOrders orders);

    /// <summary>A gang's order for the node's agent.</summary>
    [Alias("OrderGang")]
    Task OrderGang(GangNodeOrdered ordered);

    /// <summary>Somebody wants a piece of the log of one of the node's ranks.</summary>
    [Alias("ReadLog")]
    Task ReadLog(LogWanted wanted);

    /// <summary>The cluster has taken a report.</summary>
    [Alias("AcknowledgeReport")]
    Task AcknowledgeReport(NodeReportTaken taken);
}
