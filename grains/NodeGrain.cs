using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Orleans.Placement;

namespace Coordinator.Grains;

/// <summary>
/// Hosts <see cref="Machines.Nodes.NodeMachine"/>, which keeps nothing durable: a node's activation asks storage for nothing.
/// It is activated on the silo that calls it first, which is the one that holds its worker's connection: so heartbeats stay in one process.
/// It is not collected when it is idle: its worker's session, by which it knows older ones, is nowhere else.
/// </summary>
[KeepAlive]
[GrainType(GrainNames.Node)]
[PreferLocalPlacement]
public sealed class NodeGrain(IGrainServices services) : MachineGrain(GrainKind.Node, services), INodeGrain
{
    /// <inheritdoc/>
    public Task Connect(WorkerConnected connected) => Turn(connected);

    /// <inheritdoc/>
    public Task Hear(WorkerSaid said) => Turn(said);

    /// <inheritdoc/>
    public Task Disconnect(WorkerDisconnected disconnected) => Turn(disconnected);

    /// <inheritdoc/>
    public Task Order(NodeOrders orders) => Turn(orders);

    /// <inheritdoc/>
    public Task OrderGang(GangNodeOrdered ordered) => Turn(ordered);

    /// <inheritdoc/>
    public Task ReadLog(LogWanted wanted) => Turn(wanted);

    /// <inheritdoc/>
    public Task AcknowledgeReport(NodeReportTaken taken) => Turn(taken);
}
