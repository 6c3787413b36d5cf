namespace Coordinator.Machines.Jobs.Parts;

/// <summary>How the connection of a node to its silo stands.</summary>
/// <param name="Session">Its worker process and connection.</param>
/// <param name="Connected">Whether it stands.</param>
/// <param name="Silent">Whether it is only not heard; false: it has ended.</param>
/// <param name="Since">Since when.</param>
internal sealed record NodeLink(WorkerSession Session, bool Connected, bool Silent, TimeSpan Since);

/// <summary>
/// What the job knows of the connections of nodes. The word of a node's own grain counts at once; indirect evidence (an offer by the
/// cluster, a report that was under way) may be older than that word, so it raises a link that is down only after a while, and a link that
/// it takes down is no more than silent: whether the connection has ended, only the node's grain knows.
/// </summary>
internal sealed class NodeLinks
{
    private readonly Dictionary<NodeId, NodeLink> links = [];

    /// <summary>The link of a node; null: nothing is known of it.</summary>
    public NodeLink? Of(NodeId node) => links.GetValueOrDefault(node);

    /// <summary>Whether the connection is known to stand.</summary>
    public bool IsConnected(NodeId node) => links.TryGetValue(node, out var link) && link.Connected;

    /// <summary>
    /// Whether a node may hear what is sent: one whose connection is known to be down is not called, and when it comes back it is.
    /// </summary>
    public bool MayHear(NodeId node) => !links.TryGetValue(node, out var link) || link.Connected;

    /// <summary>Whether the member's own process is connected.</summary>
    public bool IsReachable(Member member) =>
        links.TryGetValue(member.Gpu.Node, out var link) && link.Connected && link.Session.Boot == member.Boot;

    /// <summary>Whether nothing speaks against the offered process being connected.</summary>
    public bool MayReach(GpuOffer offer) =>
        !links.TryGetValue(offer.Gpu.Node, out var link) || (link.Connected && link.Session.Boot == offer.Session.Boot);

    /// <summary>Whether a later process than this one runs on its node.</summary>
    public bool IsReplaced(NodeId node, long boot) => links.TryGetValue(node, out var link) && link.Session.Boot > boot;

    /// <summary>The node's own word. Returns the link where that is news, else null.</summary>
    public NodeLink? Note(NodeId node, WorkerSession session, bool connected, bool silent, TimeSpan now) =>
        links.TryGetValue(node, out var known)
            && (session.IsOlderThan(known.Session) || (session == known.Session && known.Connected == connected && known.Silent == silent))
            ? null
            : links[node] = new NodeLink(session, connected, !connected && silent, now);

    /// <summary>
    /// Indirect evidence, which may be as old as <paramref name="mayBeOld"/>. Returns the link where that is news, else null.
    /// </summary>
    public NodeLink? NoteIndirect(NodeId node, WorkerSession session, bool connected, TimeSpan now, TimeSpan mayBeOld)
    {
        if (links.TryGetValue(node, out var known))
        {
            if (session.IsOlderThan(known.Session) || (session == known.Session && known.Connected == connected))
                return null;
            if (session == known.Session && connected && now < known.Since + mayBeOld)
                return null;
        }

        return links[node] = new NodeLink(session, connected, !connected, now);
    }

    /// <summary>
    /// Members with the links of their nodes. Members of one node follow each other, and its link is looked up once for them.
    /// </summary>
    public IEnumerable<(Member Member, NodeLink? Link)> With(IEnumerable<Member> members)
    {
        NodeLink? link = null;
        NodeId? known = null;
        foreach (var member in members)
        {
            if (known != member.Gpu.Node)
                (known, link) = (member.Gpu.Node, links.GetValueOrDefault(member.Gpu.Node));
            yield return (member, link);
        }
    }
}
