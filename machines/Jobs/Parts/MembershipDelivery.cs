using System.Security.Cryptography;
using System.Text;

namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// What a node is sent of the membership: no more than it lacks, since a membership of thousands is long. A node that knows the generation
/// before, or was sent it, is sent the change; one that was sent the change already nothing; everybody else the whole. What was sent and
/// did not arrive is no loss: a worker that a change does not fit says so, and gets the whole. Where generations follow each other faster
/// than thousands answer, to wait for their answers would be to send the whole to all of them each time.
/// </summary>
internal sealed class MembershipDelivery(JobContext context)
{
    /// <summary>The generation that each node has shown to know.</summary>
    private readonly Dictionary<NodeId, long> known = [];

    /// <summary>The generation that each node was sent last.</summary>
    private readonly Dictionary<NodeId, long> sent = [];

    private MembershipChange? whole;
    private MembershipChange? last;

    /// <summary>Who came with <see cref="last"/>: their processes know nothing before it.</summary>
    private IReadOnlySet<GpuId> newcomers = new HashSet<GpuId>();

    /// <summary>The generation in force has formed, out of the one before it.</summary>
    /// <param name="previous">Generation before; 0: there was none.</param>
    /// <param name="removed">Members that are none any more.</param>
    /// <param name="added">Members that came.</param>
    /// <param name="came">Their gpus.</param>
    public void Announce(long previous, IReadOnlyList<GpuId> removed, IReadOnlyList<Member> added, IReadOnlySet<GpuId> came)
    {
        var state = context.State;
        whole = new MembershipChange
        {
            Job = context.Id,
            Incarnation = state.Incarnation,
            FromGeneration = 0,
            ToGeneration = state.Generation,
            Added = state.Members,
            Hash = state.Hash,
            Key = Key(),
            Spec = state.Spec with { Secret = "" },
        };
        last = previous == 0 ? null : whole with { FromGeneration = previous, Removed = removed, Added = added, Spec = null };
        newcomers = came;
    }

    /// <summary>A node knows a generation.</summary>
    public void NoteKnown(NodeId node, long generation) => known[node] = generation;

    /// <summary>A node knows none.</summary>
    public void NoteUnknown(NodeId node)
    {
        known.Remove(node);
        sent.Remove(node);
    }

    /// <summary>A node may have missed what it was sent.</summary>
    public void Renew(NodeId node) => sent.Remove(node);

    /// <summary>What goes to a node with the next order for members of it; null: nothing.</summary>
    public MembershipChange? Take(NodeId node, IEnumerable<Member> members)
    {
        var generation = context.State.Generation;
        var knowsLast = last is not null
            && (known.GetValueOrDefault(node) == last.FromGeneration || sent.GetValueOrDefault(node) == last.FromGeneration);
        var change = knowsLast && !members.Any(member => newcomers.Contains(member.Gpu)) ? last : whole;
        if (sent.GetValueOrDefault(node) == generation)
            change = null;
        sent[node] = generation;
        return change;
    }

    /// <summary>The generation's data-plane key: HMAC-SHA256 of the job's secret over job, incarnation and generation.</summary>
    private string Key() => Convert.ToBase64String(HMACSHA256.HashData(
        Convert.FromBase64String(context.State.Spec.Secret),
        Encoding.UTF8.GetBytes($"{context.Id}|{context.State.Incarnation}|{context.State.Generation}")));
}
