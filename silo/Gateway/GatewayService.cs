using Coordinator.Machines;
using Coordinator.Server.Gateway;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;

namespace Coordinator.Silo.Gateway;

/// <summary>Hands messages from other silos to the workers that are connected to this one. It only queues, so that calls need not wait for each other.</summary>
[Reentrant]
public sealed class GatewayService(GrainId id, global::Orleans.Runtime.Silo silo, ILoggerFactory loggers, WorkerLinks links)
    : GrainService(id, silo, loggers), IGatewayService
{
    private const int LeastShared = 1024;

    /// <inheritdoc/>
    public Task<bool> Deliver(string node, byte[][] messages)
    {
        var to = new NodeId(node);
        foreach (var text in messages)
        {
            // What is short is one node's own.
            var message = text.Length < LeastShared ? Contracts.Read<CoordinatorMessage>(text) : WorkerRoutes.Texts.Read(text);
            if (!links.Send(to, message))
                return Task.FromResult(false);
        }

        return Task.FromResult(true);
    }
}
