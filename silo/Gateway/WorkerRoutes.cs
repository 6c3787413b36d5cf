using System.Collections.Concurrent;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Server.Gateway;
using Microsoft.Extensions.Logging;

namespace Coordinator.Silo.Gateway;

/// <summary>
/// Messages from this silo's grains to workers, wherever they are connected. Which silo holds a node's connection is found out by asking:
/// first where it was the last time, then every other silo. So there is no directory that could be wrong, and a silo's death takes
/// nothing along but connections, which their workers open elsewhere. A worker that is connected nowhere loses the message, as it would
/// with one silo; its sender repeats it.
/// </summary>
public sealed partial class WorkerRoutes : IDisposable
{
    private const int Window = 256;
    private const int LimitPerNode = 4096;

    private readonly WorkerLinks links;
    private readonly bool isAlone;
    private readonly ILocalSiloDetails self;
    private readonly ISiloStatusOracle silos;
    private readonly GatewayServiceClient gateways;
    private readonly SharedParts parts;
    private readonly ILogger<WorkerRoutes> logger;
    private readonly ConcurrentDictionary<NodeId, SiloAddress> lastSeen = new();
    private readonly Outbox<NodeId, CoordinatorMessage> outbox;

    /// <summary>Routes of the silo that this is injected into.</summary>
    public WorkerRoutes(
        SiloSettings settings,
        WorkerLinks links,
        ILocalSiloDetails self,
        ISiloStatusOracle silos,
        GatewayServiceClient gateways,
        SharedParts parts,
        ILogger<WorkerRoutes> logger)
    {
        (this.links, this.self, this.silos, this.gateways, this.parts, this.logger) = (links, self, silos, gateways, parts, logger);
        isAlone = settings.Database is null;
        outbox = new Outbox<NodeId, CoordinatorMessage>(
            Deliver, (node, count, why) => Lost(logger, count, node, why.Message), Window, LimitPerNode);
    }

    /// <summary>Sends to a node's worker. Messages of one silo to one node keep their order.</summary>
    public void Send(NodeId node, CoordinatorMessage message)
    {
        // A silo that is alone has all the connections that there are.
        if (isAlone)
            links.Send(node, message);
        else
            outbox.Send(node, message);
    }

    /// <summary>The last heartbeat of a node's worker at this silo; null: it is connected elsewhere, or has said nothing.</summary>
    public WorkerSaid? LastHeard(NodeId node) => links.LastHeard(node);

    /// <inheritdoc/>
    public void Dispose() => outbox.Dispose();

    /// <summary>
    /// What is for the connection of one session goes by itself: it may stand at another silo than the one that speaks for the node.
    /// </summary>
    private async Task Deliver(NodeId node, IReadOnlyList<CoordinatorMessage> messages)
    {
        for (var next = 0; next < messages.Count;)
        {
            var count = 1;
            if (!WorkerLinks.IsForOneSession(messages[next]))
            {
                while (next + count < messages.Count && !WorkerLinks.IsForOneSession(messages[next + count]))
                    count++;
            }

            await DeliverTogether(node, [.. messages.Skip(next).Take(count)]).ConfigureAwait(false);
            next += count;
        }
    }

    private async Task DeliverTogether(NodeId node, IReadOnlyList<CoordinatorMessage> messages)
    {
        if (links.Send(node, messages[0]))
        {
            foreach (var message in messages.Skip(1))
                links.Send(node, message);
            if (messages[0] is Welcome)
                lastSeen.TryRemove(node, out _);
            return;
        }

        var texts = messages.Select(message => parts.NameOf(message) ?? SharedFrames.TextOf(message)).ToArray();
        var known = lastSeen.GetValueOrDefault(node);
        if (known is not null && await Try(known, node, texts).ConfigureAwait(false))
            return;
        var speaksForNode = messages[0] is not (HelloWanted or WorkerRefused);
        if (speaksForNode)
            lastSeen.TryRemove(node, out _);
        var others = silos.GetApproximateSiloStatuses(onlyActive: true).Keys
            .Where(silo => !silo.Equals(self.SiloAddress) && !silo.Equals(known)).ToArray();

        // Whoever has it says so at once. Waiting for the others as well would hold this node's messages up for as long as a silo that
        // died a moment ago takes to be known as dead.
        var asked = others.ToDictionary(silo => Try(silo, node, texts));
        await foreach (var answer in Task.WhenEach(asked.Keys).ConfigureAwait(false))
        {
            if (!await answer.ConfigureAwait(false))
                continue;
            if (speaksForNode)
                lastSeen[node] = asked[answer];
            return;
        }
    }

    private async Task<bool> Try(SiloAddress silo, NodeId node, byte[][] texts)
    {
        try
        {
            return await gateways.On(silo).Deliver(node.Value, texts).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // It is dying, or dead and nobody knows yet. Whether it delivered before, nobody knows either: messages may be repeated.
            Lost(logger, texts.Length, node, e.Message);
            return false;
        }
    }

    [LoggerMessage(1, LogLevel.Debug, "lost {Count} messages to the worker of {Node}: {Why}")]
    private static partial void Lost(ILogger logger, int count, NodeId node, string why);
}
