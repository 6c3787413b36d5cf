using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Server.Gateway;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;

namespace Coordinator.Silo.Gateway;

/// <summary>
/// Hands messages from other silos to the workers that are connected to this one. It only queues, so that calls need not wait for each
/// other.
/// </summary>
[Reentrant]
public sealed class GatewayService(
    GrainId id, global::Orleans.Runtime.Silo silo, ILoggerFactory loggers, WorkerLinks links, SharedParts parts)
    : GrainService(id, silo, loggers), IGatewayService
{
    /// <inheritdoc/>
    public async Task<bool> Deliver(string node, byte[][] messages)
    {
        var to = new NodeId(node);
        foreach (var text in messages)
        {
            if (await ReadAsync(to, text) is not { } message || !links.Send(to, message))
                return false;
        }

        return true;
    }

    /// <summary>Null where it is not worth asking what is meant: the node is not here.</summary>
    private async Task<CoordinatorMessage?> ReadAsync(NodeId to, byte[] text) =>
        !PartName.IsName(text) ? Contracts.Read<CoordinatorMessage>(text)
        : links.Has(to) ? await parts.MessageOfAsync(PartName.Read(text))
        : null;
}
