using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Orleans.Placement;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Grains;

/// <summary>
/// Hosts <see cref="Machines.Nodes.NodeMachine"/>, which keeps nothing durable: a node's activation asks storage for nothing.
/// It is activated on the silo that calls it first, which is the one that holds its worker's connection: so heartbeats stay in one process.
/// It is not collected when it is idle: its worker's session, by which it knows older ones, is nowhere else.
/// </summary>
[KeepAlive]
[GrainType(GrainNames.Node)]
[PreferLocalPlacement]
public sealed class NodeGrain(IGrainServices services) : Grain, INodeGrain
{
    private GrainAddress address;
    private MachineHost? host;
    private DeadlineTimer? timer;

    /// <inheritdoc/>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await base.OnActivateAsync(cancellationToken);
        address = new GrainAddress(GrainKind.Node, this.GetPrimaryKeyString());
        host = new MachineHost(services, address, _ => throw new NotSupportedException("a node keeps nothing durable"));
        timer = new DeadlineTimer(this, services, () => Turn([new DeadlinePassed()]));
        await GrainBoundary.Cross(address, () => host.Start(null, 0), () => { });
        timer.Set(host.NextDeadline);
    }

    /// <inheritdoc/>
    public Task Connect(Mail connected) => Turn([connected.Only<WorkerConnected>()]);

    /// <inheritdoc/>
    public Task Hear(Mail said) => Turn([said.Only<WorkerSaid>()]);

    /// <inheritdoc/>
    public Task Disconnect(Mail disconnected) => Turn([disconnected.Only<WorkerDisconnected>()]);

    /// <inheritdoc/>
    public Task Order(Mail orders) => Turn([orders.Only<NodeOrders>()]);

    /// <inheritdoc/>
    public Task AcknowledgeReport(Mail taken) => Turn([taken.Only<NodeReportTaken>()]);

    /// <inheritdoc/>
    public Task<string> Describe() => Task.FromResult(host!.Describe());

    /// <inheritdoc/>
    public Task TakeAll(Mail mail) => mail.Handle(Turn);

    private async Task Turn(IReadOnlyList<GrainMessage> messages)
    {
        await GrainBoundary.Cross(address, () => host!.Turn(messages), DeactivateOnIdle);
        timer!.Set(host!.NextDeadline);
    }
}
