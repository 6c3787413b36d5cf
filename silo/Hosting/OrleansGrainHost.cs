using System.Text.Json;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Silo.Hosting;

/// <summary>The cluster's grains as the server sees them.</summary>
internal sealed class OrleansGrainHost(Lazy<(IGrainFactory Grains, GrainOutbox Outbox)> orleans, IObservationStore store) : IGrainHost
{
    private volatile bool closed;

    public void Post(GrainAddress to, GrainMessage message)
    {
        if (!closed)
            orleans.Value.Outbox.Send(to, message);
    }

    /// <summary>From now on nothing is posted: connections that a silo itself closes say nothing about the workers behind them.</summary>
    public void Close() => closed = true;

    /// <summary>
    /// A call of its own and not through the outbox: the outbox's calls end for whole batches, and nobody waits for them.
    /// </summary>
    public async Task DeliverAsync(GrainAddress to, GrainMessage message)
    {
        try
        {
            await GrainCalls.Deliver(orleans.Value.Grains, to, message).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OrleansException or InvalidOperationException)
        {
            throw new GrainsAwayException($"{to.Kind} {to.Key}", e);
        }
    }

    /// <summary>
    /// A virtual actor exists as soon as it is asked; one that its node's worker has never named is answered as missing. For a gpu at rest
    /// its node answers: a look at all gpus does not load their grains.
    /// </summary>
    public async Task<string?> DescribeAsync(GrainAddress address)
    {
        if (address.Kind == GrainKind.Gpu)
        {
            var gpu = GpuId.Parse(address.Key);
            var node = NodeOf(await AskAsync(GrainAddress.Of(gpu.Node)).ConfigureAwait(false));
            if (node.Gpus.All(attached => attached.Index != gpu.Index))
                return null;
            if (node.Resting.FirstOrDefault(resting => resting.Id == gpu) is { } atRest)
                return JsonSerializer.Serialize(atRest, MachinesJson.Default.GpuView);
        }

        var view = await AskAsync(address).ConfigureAwait(false);
        if (view == "null" || (address.Kind == GrainKind.Node && NodeOf(view).Session == default))
            return null;
        return view;
    }

    public async Task<IReadOnlyList<GrainAddress>> KnownAsync(GrainKind kind) => kind switch
    {
        GrainKind.Cluster => [GrainAddress.Cluster],
        GrainKind.Job => [.. (await store.ListJobsAsync().ConfigureAwait(false)).Select(GrainAddress.Of)],
        GrainKind.Gang => [.. (await store.ListJobsAsync().ConfigureAwait(false)).Select(GrainAddress.OfGang)],
        GrainKind.Node => [.. (await ClusterAsync().ConfigureAwait(false)).Nodes.Select(node => GrainAddress.Of(node.Id))],
        _ => [.. (await ClusterAsync().ConfigureAwait(false)).Nodes.SelectMany(
            node => Enumerable.Range(0, node.Gpus).Select(index => GrainAddress.Of(new GpuId(node.Id, index))))],
    };

    private static NodeView NodeOf(string view) => Contracts.Read<NodeView>(view);

    private async Task<ClusterView> ClusterAsync() =>
        JsonSerializer.Deserialize(await AskAsync(GrainAddress.Cluster).ConfigureAwait(false), MachinesJson.Default.ClusterView)!;

    private async Task<string> AskAsync(GrainAddress address)
    {
        try
        {
            return await GrainCalls.Find(orleans.Value.Grains, address).Describe().ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OrleansException or InvalidOperationException)
        {
            throw new GrainsAwayException($"{address.Kind} {address.Key}", e);
        }
    }
}
