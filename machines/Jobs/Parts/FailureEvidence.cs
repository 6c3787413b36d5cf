using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// What speaks against members of the generation in force: their own faults, and what workers say of each other. Evidence of one generation
/// says nothing of the next. Hard evidence (a connection that has ended, a fault) counts at once; soft evidence (silence, a connection that
/// never came about) is gathered for a while, since who is cut off accuses everybody, and only together do accusations show who that is.
/// </summary>
internal sealed class FailureEvidence(JobContext context, NodeLinks links)
{
    /// <summary>Cause of an exclusion that would follow each time, like one for what a worker lacks.</summary>
    public const string CannotConnect = "cannot connect";

    /// <summary>Characters of a peer's error that are shown.</summary>
    private const int MostWords = 200;

    private readonly HashSet<Accusation> edges = [];

    /// <summary>What was said of each node that is accused, first word of each accuser.</summary>
    private readonly List<PeerAccused> testimonies = [];
    private readonly SortedDictionary<GpuId, string> faulted = [];

    /// <summary>Those of them whose worker cannot take a rank, whatever its gpu can do.</summary>
    private readonly SortedSet<GpuId> unable = [];

    /// <summary>Whether a member has the state, by its answer in this generation.</summary>
    private readonly SortedDictionary<GpuId, bool> holding = [];
    private TimeSpan? softAt;
    private TimeSpan? hardAt;
    private string accusationCause = "";

    /// <summary>When hard evidence is looked at; it waits for more where a generation is work for thousands. Null: there is none.</summary>
    public TimeSpan? HardDue => hardAt + JobPace.DecisionPause(context.State.Members.Count);

    /// <summary>When soft evidence has been gathered. Null: there is none.</summary>
    public TimeSpan? SoftDue => softAt + context.State.Spec.FaultTolerance.GatherDelay;

    /// <summary>Accusations that have not condemned anybody yet.</summary>
    public int Accusations => hardAt is null && softAt is null ? 0 : edges.Count;

    /// <summary>Whether a member has reported a fault of its own.</summary>
    public bool HasFaulted(GpuId gpu) => faulted.ContainsKey(gpu);

    /// <summary>Whether excluding a member for this would follow each time that it came back.</summary>
    public bool IsLasting(GpuId gpu, string cause) => cause == CannotConnect || unable.Contains(gpu);

    /// <summary>A member reports a fault of its own, for which it fails. False where it did before.</summary>
    public bool AddFault(GpuId gpu, string detail) => faulted.TryAdd(gpu, $"fault: {detail}");

    /// <summary>The fault lies in the member's worker, whatever its gpu can do.</summary>
    public void MarkUnable(GpuId gpu) => unable.Add(gpu);

    /// <summary>Whether a member has said that it has the state.</summary>
    public void NoteHolding(GpuId gpu, bool holds) => holding[gpu] = holds;

    /// <summary>A worker accuses another. False where that is nothing new, or not of this generation.</summary>
    public bool Add(PeerAccused accused)
    {
        if (accused.Generation != context.State.Generation || !context.HasNode(accused.Accuser) || !context.HasNode(accused.Accused))
            return false;
        if (!edges.Add(new Accusation(accused.Accuser, accused.Accused)))
            return false;
        testimonies.Add(accused);
        context.MarkDirty();
        accusationCause = accused.Evidence switch
        {
            Evidence.ConnectionClosed => "connection closed",
            Evidence.Silent => "silent",
            _ => "invalid data",
        };

        // Where nobody could connect to a node that the silo hears, its process is there: its address or the way to it is in question, and
        // so is the accuser's own. Others may have more to say of either.
        if (accused.Evidence == Evidence.Silent
            || (accused is { Evidence: Evidence.ConnectionClosed, Unreached: true } && links.IsConnected(accused.Accused)))
        {
            softAt ??= context.Now;
        }
        else
        {
            hardAt ??= context.Now;
        }
        return true;
    }

    /// <summary>Members that have failed by their own word, with the cause.</summary>
    public void AddFaulted(SortedDictionary<GpuId, string> failed)
    {
        foreach (var (gpu, cause) in faulted)
            failed[gpu] = cause;
    }

    /// <summary>
    /// Adds the members that accusations condemn, once those are due: newcomers that cannot connect, and then the smallest set of nodes
    /// that explains what is left (<see cref="Blame"/>). What is condemned by is used up.
    /// </summary>
    /// <param name="failed">Members that have failed for other reasons. Accusations by or of them explain nothing more.</param>
    public void Condemn(SortedDictionary<GpuId, string> failed)
    {
        if (!(context.Now >= HardDue || context.Now >= SoftDue))
            return;
        foreach (var newcomer in WhoCannotConnect())
        {
            foreach (var member in context.MembersOn(newcomer))
                failed.TryAdd(member.Gpu, CannotConnect);
        }

        var gone = failed.Keys.Select(gpu => gpu.Node).ToHashSet();
        var blamed = Blame.SmallestCover(edges.Where(edge => !gone.Contains(edge.Accuser) && !gone.Contains(edge.Accused)));
        foreach (var node in blamed)
        {
            ReportUnreached(node, blamed);
            foreach (var member in context.MembersOn(node))
                failed[member.Gpu] = accusationCause;
        }

        hardAt = null;
        softAt = null;
    }

    /// <summary>
    /// What the first of a member's accusers said, for people; empty where nobody said anything, or the member itself reported a fault.
    /// </summary>
    public string WordsAgainst(GpuId gpu)
    {
        if (faulted.ContainsKey(gpu))
            return "";
        var node = gpu.Node;
        var first = testimonies.Find(said =>
            (said.Accused == node || (said.Accuser == node && said.Unreached is true)) && !string.IsNullOrEmpty(said.Detail));
        return first is not null
            ? $" ({first.Accuser} says: {(first.Detail.Length > MostWords ? first.Detail[..MostWords] : first.Detail)})"
            : "";
    }

    /// <summary>Another generation is in force.</summary>
    public void Clear()
    {
        holding.Clear();
        edges.Clear();
        testimonies.Clear();
        softAt = null;
        hardAt = null;
        faulted.Clear();
        unable.Clear();
    }

    /// <summary>
    /// Newcomers that could not connect to a member of before, which the silo hears and of which no other member of before complains.
    /// Either of the two may be at fault; the one that has the state stays.
    /// </summary>
    private NodeId[] WhoCannotConnect()
    {
        if (!testimonies.Exists(said => said.Unreached is true))
            return [];
        var came = context.State.Newcomers.ToHashSet();
        var isNew = context.State.Members.GroupBy(member => member.Gpu.Node)
            .ToDictionary(node => node.Key, node => node.All(member => IsNew(member, came)));
        return
        [
            .. testimonies
                .Where(said => said.Unreached is true && isNew[said.Accuser] && !isNew[said.Accused] && links.IsConnected(said.Accused)
                    && !testimonies.Exists(other => other.Accused == said.Accused && !isNew[other.Accuser]))
                .Select(said => said.Accuser).Distinct(),
        ];
    }

    /// <summary>
    /// Whether a member has nothing that the job would miss: by its own word in this generation, or, before that has come, since it joined
    /// after a generation last ran. Members may come in several generations of which none runs, so the last one's newcomers are not all.
    /// </summary>
    private bool IsNew(Member member, HashSet<GpuId> came) =>
        holding.TryGetValue(member.Gpu, out var holds) ? !holds : came.Contains(member.Gpu);

    /// <summary>The cluster hears who could not connect to a node that goes for that. Who goes too is no witness.</summary>
    private void ReportUnreached(NodeId node, IReadOnlyList<NodeId> blamed)
    {
        foreach (var said in testimonies.Where(said => said.Accused == node && said.Unreached is true && !blamed.Contains(said.Accuser)))
        {
            var address = context.MembersOn(node).First().Address;
            context.Send(GrainAddress.Cluster, new NodeUnreached(node, address, said.Accuser, context.Id, said.Generation, said.Detail));
        }
    }
}
