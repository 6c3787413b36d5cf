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
public sealed class NodeGrain(IGrainServices services, SharedParts parts) : MachineGrain(GrainKind.Node, services), INodeGrain
{
    /// <inheritdoc/>
    public Task Connect(WorkerConnected connected) => Turn(connected);

    /// <inheritdoc/>
    public Task Hear(WorkerSaid said) => Turn(said);

    /// <inheritdoc/>
    public Task Disconnect(WorkerDisconnected disconnected) => Turn(disconnected);

    /// <inheritdoc/>
    public Task Order(NodeOrders orders) => orders is NamedOrders ? TakeNamed([orders]) : Turn(orders);

    /// <inheritdoc/>
    public Task OrderGang(GangNodeOrdered ordered) => Turn(ordered);

    /// <inheritdoc/>
    public Task ReadLog(LogWanted wanted) => Turn(wanted);

    /// <inheritdoc/>
    public Task AcknowledgeReport(NodeReportTaken taken) => Turn(taken);

    /// <inheritdoc/>
    public override Task TakeAll(GrainMessage[] messages) =>
        Array.Exists(messages, message => message is NamedOrders) ? TakeNamed(messages) : base.TakeAll(messages);

    /// <summary>
    /// A node is not taken for silent before its gateway was asked when it spoke last. What waits between gateway and grain in a silo that
    /// is behind does not count against the node.
    /// </summary>
    protected override Task PassDeadline() =>
        Services.LastHeard(new NodeId(Address.Key)) is { } said ? Turn(said, new DeadlinePassed()) : base.PassDeadline();

    /// <summary>What orders name is asked for first, in their order: whatever comes meanwhile waits, as for any turn.</summary>
    private async Task TakeNamed(GrainMessage[] messages)
    {
        var meant = messages.ToArray();
        for (var i = 0; i < meant.Length; i++)
        {
            if (meant[i] is NamedOrders named)
                meant[i] = await CompleteAsync(named);
        }

        await base.TakeAll(meant);
    }

    /// <summary>
    /// Orders whose membership is not to be had are refused alone, and are lost like any message: the job repeats what it still wants.
    /// </summary>
    private async Task<GrainMessage> CompleteAsync(NamedOrders named)
    {
        try
        {
            return await parts.CompleteAsync(named);
        }
        catch (Exception e) when (e is ArgumentException or OrleansException or TimeoutException or InvalidOperationException)
        {
            return new UnreadableMessage(e.Message);
        }
    }
}
