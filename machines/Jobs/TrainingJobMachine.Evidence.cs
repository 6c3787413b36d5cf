namespace Coordinator.Machines.Jobs;

/// <content>Who has failed: from accusations, faults, processes that were replaced, and silence where nobody reports progress.</content>
public sealed partial class TrainingJobMachine
{
    /// <summary>How long a member whose worker has lost its silo may leave the question of a new generation unanswered.</summary>
    private static readonly TimeSpan LinkGrace = TimeSpan.FromMilliseconds(150);

    /// <summary>How old what others imply of a node may be: a second, or as long as the words of all members take where that is more.</summary>
    private TimeSpan HearsayDelay => Max(TimeSpan.FromSeconds(1), ArrivalPatience);

    /// <summary>Cause of an exclusion that would follow each time, like one for what a worker lacks: the pauses between them grow to ten minutes and not to half a minute.</summary>
    private const string CannotConnect = "cannot connect";

    /// <summary>The longest pause of a gpu whose return is worth an interruption, or that interrupts nobody, since the job waits.</summary>
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

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
    private readonly Dictionary<NodeId, Link> links = [];
    private TimeSpan? softEvidenceAt;
    private TimeSpan? hardEvidenceAt;
    private string accusationCause = "";
    private TimeSpan lastProgress;
    private double lastStepMs;
    private TimeSpan? recoverySince;
    private string? recoveryCause;

    private sealed record Link(WorkerSession Session, bool Connected, bool Silent, TimeSpan Since);

    private void OnLink(NodeLinkReported link) => NoteSession(link.Node, link.Session, link.Connected, hearsay: false, link.Silent);

    /// <summary>
    /// Notes where a node's connection to the silo stands. The node's own word counts at once. What others imply (the cluster's offers,
    /// a report that was under way) may be older than the node's word, so it raises a link that is down only after a while, and a link that it
    /// takes down is no more than silent: whether the connection has ended, only the node knows.
    /// </summary>
    private void NoteSession(NodeId node, WorkerSession session, bool connected, bool hearsay, bool silent = false)
    {
        if (links.TryGetValue(node, out var known))
        {
            if (session.IsOlderThan(known.Session) || (session == known.Session && known.Connected == connected && (hearsay || known.Silent == silent)))
                return;
            if (hearsay && session == known.Session && connected && now < known.Since + HearsayDelay)
                return;
        }

        var link = links[node] = new Link(session, connected, !connected && (silent || hearsay), now);
        ForgetEnding(node, session.Boot);
        if (connected && forming is not null)
            AskAgain(node);
        StirFor(node, link);
    }

    /// <summary>
    /// The connection of a member's own process changed. Where it came up nobody fails by that, and a member is no candidate; where it went
    /// down that only sets a time. Silos die, and then thousands of these come one after the other: each costs the same however many members
    /// there are. Anything else is looked at.
    /// </summary>
    private void StirFor(NodeId node, Link link)
    {
        if (stirred || stalled is not null || !HasNode(node) || releasing.Keys.Any(gpu => gpu.Node == node))
        {
            stirred = true;
            return;
        }

        foreach (var member in MembersOn(node))
        {
            if (member.Boot != link.Session.Boot || (!link.Connected && TimeoutOf(member, link) is { } at && now >= at))
            {
                stirred = true;
                return;
            }

            if (!link.Connected && TimeoutOf(member, link) is { } later && !(NextDeadline <= later))
                NextDeadline = later;
        }
    }

    /// <summary>The first rank of a node, or -1. Members of one node follow each other.</summary>
    private int FirstRankOf(NodeId node)
    {
        int low = 0, high = state!.Members.Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (state.Members[middle].Gpu.Node.CompareTo(node) < 0)
                low = middle + 1;
            else
                high = middle;
        }

        return low < state.Members.Count && state.Members[low].Gpu.Node == node ? low : -1;
    }

    /// <summary>The members of a node.</summary>
    private IEnumerable<Member> MembersOn(NodeId node)
    {
        for (var rank = FirstRankOf(node); rank >= 0 && rank < state!.Members.Count && state.Members[rank].Gpu.Node == node; rank++)
            yield return state.Members[rank];
    }

    private bool IsReachable(Member member) => links.TryGetValue(member.Gpu.Node, out var link) && link.Connected && link.Session.Boot == member.Boot;

    private void OnAccused(PeerAccused accused)
    {
        if (accused.Generation != state!.Generation || !HasNode(accused.Accuser) || !HasNode(accused.Accused))
            return;
        if (!edges.Add(new Accusation(accused.Accuser, accused.Accused)))
            return;
        testimonies.Add(accused);
        stirred = true;
        recoverySince ??= now;
        accusationCause = accused.Evidence switch { Evidence.ConnectionClosed => "connection closed", Evidence.Silent => "silent", _ => "invalid data" };

        // Where nobody could connect to a node that the silo hears, its process is there: its address or the way to it is in question, and so
        // is the accuser's own. Others may have more to say of either.
        if (accused.Evidence == Evidence.Silent || (accused is { Evidence: Evidence.ConnectionClosed, Unreached: true } && links.TryGetValue(accused.Accused, out var link) && link.Connected))
            softEvidenceAt ??= now;
        else
            hardEvidenceAt ??= now;
    }

    private bool HasNode(NodeId node) => FirstRankOf(node) >= 0;

    /// <summary>
    /// Members that the evidence of now condemns, with the cause; hard evidence at once, soft evidence after it was gathered. Hard evidence
    /// waits for more of it where a generation is work for thousands: nodes that die together go together.
    /// </summary>
    private SortedDictionary<GpuId, string> FailedMembers()
    {
        var failed = new SortedDictionary<GpuId, string>();
        foreach (var (gpu, cause) in faulted)
            failed[gpu] = cause;
        foreach (var (member, link) in WithLinks())
        {
            if (link?.Session.Boot > member.Boot)
                failed[member.Gpu] = "process replaced";
            else if (TimeoutOf(member, link) is { } at && now >= at)
                failed[member.Gpu] = forming is null ? "out of reach" : "no answer";
        }

        if (now >= hardEvidenceAt + DecisionPause || now >= softEvidenceAt + state!.Spec.FaultTolerance.GatherDelay)
        {
            foreach (var newcomer in WhoCannotConnect())
            {
                foreach (var member in MembersOn(newcomer))
                    failed.TryAdd(member.Gpu, CannotConnect);
            }

            // Accusations by or of those that have failed anyway explain nothing more.
            var gone = failed.Keys.Select(gpu => gpu.Node).ToHashSet();
            var blamed = Blame.SmallestCover(edges.Where(edge => !gone.Contains(edge.Accuser) && !gone.Contains(edge.Accused)));
            foreach (var node in blamed)
            {
                TellWhoIsUnreached(node, blamed);
                foreach (var member in MembersOn(node))
                    failed[member.Gpu] = accusationCause;
            }

            hardEvidenceAt = null;
            softEvidenceAt = null;
        }

        return failed;
    }

    /// <summary>
    /// Newcomers that could not connect to a member of before, which the silo hears and of which no other member of before complains. Either of
    /// the two may be at fault; the one that has the state stays.
    /// </summary>
    private NodeId[] WhoCannotConnect()
    {
        if (!testimonies.Exists(said => said.Unreached is true))
            return [];
        var came = state!.Newcomers.ToHashSet();
        var isNew = state.Members.GroupBy(member => member.Gpu.Node).ToDictionary(node => node.Key, node => node.All(member => IsNew(member, came)));
        return
        [
            .. testimonies.Where(said => said.Unreached is true && isNew[said.Accuser] && !isNew[said.Accused]
                && links.TryGetValue(said.Accused, out var link) && link.Connected
                && !testimonies.Exists(other => other.Accused == said.Accused && !isNew[other.Accuser])).Select(said => said.Accuser).Distinct(),
        ];
    }

    /// <summary>
    /// Whether a member has nothing that the job would miss: by its own word in this generation, or, before that has come, since it joined after a
    /// generation last ran. Members may come in several generations of which none runs, so the last one's newcomers are not all.
    /// </summary>
    private bool IsNew(Member member, HashSet<GpuId> came) => holding.TryGetValue(member.Gpu, out var holds) ? !holds : came.Contains(member.Gpu);

    /// <summary>Members with what is known of their node's connection. Members of one node follow each other, and it is looked up once for them.</summary>
    private IEnumerable<(Member Member, Link? Link)> WithLinks()
    {
        Link? link = null;
        NodeId? known = null;
        foreach (var member in state!.Members)
        {
            if (known != member.Gpu.Node)
                (known, link) = (member.Gpu.Node, links.GetValueOrDefault(member.Gpu.Node));
            yield return (member, link);
        }
    }

    /// <summary>
    /// When a member that has not answered fails: the answer timeout after the question and the time in which all answers come, and never
    /// sooner than the answer timeout after the last answer that came. While others' answers still arrive, one that is missing is late, as
    /// they are, and to fail it would begin everything anew.
    /// </summary>
    private TimeSpan AnswersDue => Max(formedAt + ArrivalPatience, answeredAt) + state!.Spec.FaultTolerance.AnswerTimeout;

    /// <summary>
    /// Time in which all members' words come: 2 ms for each, since those of thousands come one after the other. So do their connections to
    /// the silo that a job was loaded by, and rank 0, which reports progress, may be among the last.
    /// </summary>
    private TimeSpan ArrivalPatience => TimeSpan.FromMilliseconds(2 * state!.Members.Count);

    /// <summary>When a member fails for want of an answer or of progress; null: not for that.</summary>
    private TimeSpan? TimeoutOf(Member member, Link? link)
    {
        var tolerance = state!.Spec.FaultTolerance;
        if (forming is not null)
        {
            if (forming.ContainsKey(member.Gpu))
                return null;
            if (link is { Connected: false, Silent: false })
                return Max(link.Since, formedAt) + LinkGrace;

            // A job that was just loaded waits for workers to find their way to the new silo, and asks them when they come.
            var due = Max(AnswersDue, link is null ? activatedAt + ArrivalPatience + tolerance.ProgressTimeout : link.Since + tolerance.AnswerTimeout);
            return PreparationOf(member) is { } preparation ? Max(due, PatienceWith(preparation)) : due;
        }

        // While others report progress in this generation nobody is excluded for silence towards the silo.
        if (stalled is not null || finishedHashes.ContainsKey(member.Gpu) || (link?.Connected ?? false))
            return null;
        var patience = Max(tolerance.ProgressTimeout, TimeSpan.FromMilliseconds(3 * lastStepMs));
        return Max(Max(link?.Since ?? activatedAt + ArrivalPatience, lastProgress), activatedAt) + patience;
    }

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private void Exclude(GpuId gpu, string cause)
    {
        var member = MemberOf(gpu)!;
        var isLasting = cause == CannotConnect || unable.Contains(gpu);
        var times = exclusions.TryGetValue(gpu, out var before) && now - (isLasting ? before.Until : before.At) < TimeSpan.FromMinutes(1) ? before.Times + 1 : 1;
        var pause = TimeSpan.FromSeconds(Math.Min(isLasting ? 600 : LongestPause.TotalSeconds, 0.5 * (1 << Math.Min(times, 11))));
        unheard.Add(gpu);
        exclusions[gpu] = new Exclusion(member.Boot, now + pause, now, times);
        var said = faulted.ContainsKey(gpu) ? "" : WordsAgainst(gpu.Node);
        state = state! with { Failures = state.Failures + 1, FirstCause = state.FirstCause ?? $"{gpu}: {cause}{said}" };
        Observe(EventKinds.RankExcluded, $"{gpu} is out: {cause}{said}", cause, gpu.Node, gpu);
    }

    /// <summary>What the first of a node's accusers said, for people; empty where nobody said anything.</summary>
    private string WordsAgainst(NodeId node) => testimonies.Find(said => (said.Accused == node || (said.Accuser == node && said.Unreached is true)) && !string.IsNullOrEmpty(said.Detail)) is { } first
        ? $" ({first.Accuser} says: {(first.Detail.Length > MostWords ? first.Detail[..MostWords] : first.Detail)})"
        : "";

    /// <summary>The cluster hears who could not connect to a node that goes for that. Who goes too is no witness.</summary>
    private void TellWhoIsUnreached(NodeId node, IReadOnlyList<NodeId> blamed)
    {
        foreach (var said in testimonies.Where(said => said.Accused == node && said.Unreached is true && !blamed.Contains(said.Accuser)))
            outputs.Send(GrainAddress.Cluster, new NodeUnreached(node, MembersOn(node).First().Address, said.Accuser, id, said.Generation, said.Detail));
    }
}
