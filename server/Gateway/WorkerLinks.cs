using System.Collections.Concurrent;
using System.Net.WebSockets;
using Coordinator.Machines;

namespace Coordinator.Server.Gateway;

/// <summary>The workers' connections to this silo, at most one a node: that of its newest session. Thread-safe.</summary>
public sealed class WorkerLinks
{
    private readonly ConcurrentDictionary<NodeId, WorkerLink> links = new();
    private int count;

    /// <summary>Nodes connected now. Asked at every heartbeat: the dictionary's own count takes all of its locks, which was half of what thousands of heartbeats cost.</summary>
    public int Count => Volatile.Read(ref count);

    /// <summary>Queues a message for the node's worker and returns at once. Dropped where the node has no connection; where its queue is full, that connection is closed.</summary>
    /// <returns>Whether the node has a connection here.</returns>
    public bool Send(NodeId node, CoordinatorMessage message)
    {
        if (!links.TryGetValue(node, out var link))
            return false;
        link.Send(message);
        return true;
    }

    /// <summary>Whether the node has a connection here.</summary>
    public bool Has(NodeId node) => links.ContainsKey(node);

    /// <summary>Makes a connection its node's, unless a newer one is; an older one is closed.</summary>
    internal bool TryAdd(WorkerLink link)
    {
        while (true)
        {
            if (links.TryAdd(link.Node, link))
            {
                Interlocked.Increment(ref count);
                return true;
            }

            if (!links.TryGetValue(link.Node, out var present))
                continue;
            if (!present.Session.IsOlderThan(link.Session))
                return false;
            if (!links.TryUpdate(link.Node, link, present))
                continue;
            present.Close(new CloseReason(WebSocketCloseStatus.PolicyViolation, "a newer session of this node connected"));
            return true;
        }
    }

    internal void Remove(WorkerLink link)
    {
        if (links.TryRemove(KeyValuePair.Create(link.Node, link)))
            Interlocked.Decrement(ref count);
    }

    internal IReadOnlyList<WorkerLink> All => [.. links.Values];
}
