using System.Collections.Concurrent;
using System.Net.WebSockets;
using Coordinator.Machines;

namespace Coordinator.Server.Gateway;

/// <summary>
/// The workers' connections to this silo. A connection speaks for its node once the node's grain has welcomed it, and at most one of a node
/// does: until then it waits, and whoever spoke for the node goes on doing so. Thread-safe.
/// </summary>
public sealed class WorkerLinks
{
    private readonly ConcurrentDictionary<NodeId, WorkerLink> links = new();
    private readonly ConcurrentDictionary<(NodeId Node, WorkerSession Session), WorkerLink> waiting = new();
    private readonly Lock gate = new();
    private int count;

    /// <summary>
    /// Nodes connected now. Asked at every heartbeat: the dictionary's own count takes all of its locks, which was half of what thousands
    /// of heartbeats cost.
    /// </summary>
    public int Count => Volatile.Read(ref count);

    /// <summary>
    /// Queues a message for the node's worker and returns at once. Dropped where the node has no connection; where its queue is full, that
    /// connection is closed. What is for one session goes to that session's connection alone, welcomed or not.
    /// </summary>
    /// <returns>Whether the connection that it is for stands here.</returns>
    public bool Send(NodeId node, CoordinatorMessage message)
    {
        var link = message switch
        {
            Welcome welcome => Admit(node, welcome.Session),
            HelloWanted wanted => Find(node, wanted.Session),
            WorkerRefused refused => Find(node, refused.Session),
            _ => links.GetValueOrDefault(node),
        };
        if (link is null)
            return false;
        if (message is WorkerRefused refusal)
            link.Close(new CloseReason(refusal.Kind, refusal.Text));
        else
            link.Send(message);
        return true;
    }

    /// <summary>Whether the node has a connection here that speaks for it.</summary>
    public bool Has(NodeId node) => links.ContainsKey(node);

    /// <summary>
    /// The last heartbeat of the worker that speaks for the node, as its grain hears it, whether that was told or not; null: it is not
    /// connected here, or has said nothing yet.
    /// </summary>
    public WorkerSaid? LastHeard(NodeId node) =>
        links.TryGetValue(node, out var link) && link.Heartbeats.Last is { } last
            ? new WorkerSaid(link.Session, last.Heartbeat) { Age = last.Age }
            : null;

    /// <summary>Whether a message is for the connection of one session, wherever that stands, rather than for the node.</summary>
    public static bool IsForOneSession(CoordinatorMessage message) => message is Welcome or HelloWanted or WorkerRefused;

    /// <summary>
    /// Takes in a connection that waits for its grain's welcome; false where this or a newer one of the same process is here.
    /// </summary>
    internal bool TryAdd(WorkerLink link)
    {
        lock (gate)
        {
            if (links.TryGetValue(link.Node, out var present) && present.Session.Boot == link.Session.Boot
                && !present.Session.IsOlderThan(link.Session))
            {
                return false;
            }
            return waiting.TryAdd((link.Node, link.Session), link);
        }
    }

    internal void Remove(WorkerLink link)
    {
        lock (gate)
        {
            waiting.TryRemove(KeyValuePair.Create((link.Node, link.Session), link));
            if (links.TryRemove(KeyValuePair.Create(link.Node, link)))
                Interlocked.Decrement(ref count);
        }
    }

    internal IReadOnlyList<WorkerLink> All => [.. links.Values, .. waiting.Values];

    private WorkerLink? Find(NodeId node, WorkerSession session) =>
        links.TryGetValue(node, out var link) && link.Session == session ? link : waiting.GetValueOrDefault((node, session));

    /// <summary>Makes the session's connection the one that speaks for the node; the one before it is closed.</summary>
    private WorkerLink? Admit(NodeId node, WorkerSession session)
    {
        WorkerLink? older;
        WorkerLink? admitted;
        lock (gate)
        {
            links.TryGetValue(node, out older);
            if (older?.Session == session)
                return older;
            if (!waiting.TryRemove((node, session), out admitted))
                return null;
            links[node] = admitted;
            if (older is null)
                Interlocked.Increment(ref count);
        }

        // The grain has told a process that lost its place; this is for what it did not know of.
        older?.Close(new CloseReason(WebSocketCloseStatus.PolicyViolation, "a newer session of this node connected"));
        return admitted;
    }
}
