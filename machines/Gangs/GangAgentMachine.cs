namespace Coordinator.Machines.Gangs;

/// <summary>
/// A gang's agent on one node: has its processes started and ended, and knows how long they may run. It does what the job orders, and where
/// the job is silent, what its lease says.
/// <para>
/// Idle case: the processes run; a report goes out four times in a lease, and its answer renews it. Bursty case: no answer comes. The agent
/// asks the panel of its generation, and goes on while a majority answers; else it kills its processes, and is stopped for good in that
/// generation.
/// </para>
/// Nothing is durable: an agent that was started again knows no generation, and whoever started it has killed what an earlier one left. It
/// answers whatever it is ordered with what is true, that it runs nothing.
/// </summary>
/// <param name="job">The job.</param>
/// <param name="boot">The worker process, as in <see cref="WorkerSession.Boot"/>.</param>
/// <param name="floor">What an earlier agent of the job in this process had obeyed last: nothing of that generation, or before it, is ever
/// started again.</param>
public sealed class GangAgentMachine(JobId job, long boot, (long Incarnation, long Generation) floor = default)
{
    private const int RememberedReports = 64;
    private const int MostDoublings = 4;

    private static readonly TimeSpan LongestReportPeriod = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan UnansweredPeriod = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan UsualLease = TimeSpan.FromSeconds(10);

    private readonly SortedDictionary<int, GangRank> ranks = [];
    private readonly Dictionary<int, TimeSpan> endedAt = [];
    private readonly HashSet<int> asked = [];
    private readonly Dictionary<long, TimeSpan> sentAt = [];
    private (long Incarnation, long Generation) obeyed = floor;
    private GangPhase phase = GangPhase.Stopped;
    private GangSpec? spec;
    private GangSeat? seat;
    private GangStart? start;
    private GangLease? lease;
    private TimeSpan? killAt;
    private TimeSpan? askAt;
    private TimeSpan reportAt;
    private TimeSpan heardAt;
    private bool hasPrepared = floor.Generation > 0;
    private bool isLeaving;
    private bool owesReport;

    /// <summary>Reports since the job was heard to answer one.</summary>
    private int unanswered;
    private int ports;
    private int leasePort;
    private long step;
    private string detail = "";
    private long sequence;
    private TimeSpan now;
    private List<GangAgentOutput> outputs = [];

    /// <summary>The job.</summary>
    public JobId Job => job;

    /// <summary>The newest order that was obeyed.</summary>
    public (long Incarnation, long Generation) Obeyed => obeyed;

    /// <summary>The newest generation that was obeyed.</summary>
    public long Generation => obeyed.Generation;

    /// <summary>Where it is.</summary>
    public GangPhase Phase => phase;

    /// <summary>The spec; null before it came.</summary>
    public GangSpec? Spec => spec;

    /// <summary>Whether a question of a peer in that generation is answered: only while it takes part in it itself.</summary>
    public bool Answers(long generation) => phase == GangPhase.Running && generation == Generation;

    /// <summary>When it kills its processes, unless somebody is heard before; null: it runs none.</summary>
    public TimeSpan? KillsAt => phase switch
    {
        GangPhase.Running => lease?.Until,
        GangPhase.Stopping => lease is not null && lease.Until < killAt ? lease.Until : killAt,
        _ => null,
    };

    /// <summary>When to hand in <see cref="AgentTimePassed"/> unless something else comes first.</summary>
    public TimeSpan? NextDeadline
    {
        get
        {
            if (Generation == 0)
                return null;
            var next = reportAt;
            if (killAt is { } kill && kill < next)
                next = kill;
            if (phase is GangPhase.Running or GangPhase.Stopping && lease is not null)
                next = lease.Until < next ? lease.Until : next;
            if (phase == GangPhase.Running && lease is not null)
                next = NextQuestion < next ? NextQuestion : next;
            return next;
        }
    }

    private TimeSpan NextQuestion => askAt is { } again && again > lease!.AskPeersAt ? again : lease!.AskPeersAt;

    private TimeSpan ReportPeriod =>
        (spec?.Lease ?? UsualLease) / 4 is var quarter && quarter < LongestReportPeriod ? quarter : LongestReportPeriod;

    private bool IsAlive => ranks.Values.Any(rank => rank.Exit is null);

    /// <summary>Takes one input and appends what is to be done.</summary>
    public void Handle(TimeSpan now, GangAgentInput input, List<GangAgentOutput> outputs)
    {
        (this.now, this.outputs) = (now, outputs);
        ExpireLease();
        switch (input)
        {
            case AgentOrdered ordered:
                OnOrder(ordered.Order);
                break;
            case AgentLeaving leaving:
                isLeaving = true;
                if (phase is not (GangPhase.Stopping or GangPhase.Stopped or GangPhase.Refused))
                {
                    Stop(leaving.Reason);
                    owesReport = true;
                }

                break;
            case AgentPrepared prepared when phase == GangPhase.Preparing && prepared.Generation == Generation:
                (phase, ports, leasePort, hasPrepared, detail) = (GangPhase.Ready, prepared.MasterPort, prepared.LeasePort, true, "");
                owesReport = true;
                break;
            case AgentPreparing preparing when phase == GangPhase.Preparing && preparing.Generation == Generation:
                detail = preparing.Detail;
                break;
            case AgentCannotPrepare cannot when phase is GangPhase.Preparing or GangPhase.Ready && cannot.Generation == Generation:
                (phase, detail, owesReport) = (GangPhase.Refused, cannot.Detail, true);
                break;
            case AgentRankStarted started when started.Generation == Generation && ranks.TryGetValue(started.Rank, out var known):
                ranks[started.Rank] = known with { ProcessId = started.ProcessId };
                heardAt = now;
                owesReport = ranks.Values.All(rank => rank.ProcessId > 0 || rank.Exit is not null);
                break;
            case AgentRankEnded ended when ended.Generation == Generation:
                OnEnded(ended);
                break;
            case AgentHeardRank heard when heard.Generation == Generation:
                heardAt = now;
                step = Math.Max(step, heard.Step);
                break;
            case AgentPeerAnswered answered when phase == GangPhase.Running && answered.Generation == Generation:
                lease?.RenewByPeer(answered.Index, answered.SentAt);
                break;
        }

        OnTime();
    }

    private void OnOrder(GangOrder order)
    {
        if ((order.Incarnation, order.Generation).CompareTo(obeyed) < 0 || order.Generation < obeyed.Generation)
            return;
        if (order.Generation > obeyed.Generation && phase is not (GangPhase.Stopped or GangPhase.Refused))
        {
            // Nothing of the next one begins before the last one's processes are dead, whatever the job believes of them.
            obeyed = (order.Incarnation, obeyed.Generation);
            if (phase != GangPhase.Stopping)
                Stop("a later generation stands");
            owesReport = true;
            if (phase != GangPhase.Stopped)
                return;
        }

        // Whoever is leaving takes part in nothing new: the job goes on without the node as soon as its worker is gone.
        if (isLeaving && order.Generation > obeyed.Generation && order.Wish is GangWish.Prepare)
            return;

        if (order.Generation > obeyed.Generation)
            BeginGeneration(order);
        obeyed = (order.Incarnation, order.Generation);
        (spec, seat, start) = (order.Spec ?? spec, order.Seat ?? seat, order.Start ?? start);
        var isAnswer = sentAt.TryGetValue(order.Heard, out var sent);
        if (isAnswer)
        {
            lease?.RenewByJob(sent);
            unanswered = 0;
            if (order.Heard == sequence)
                reportAt = sent + ReportPeriod;
        }

        var before = phase;
        switch (order.Wish)
        {
            case GangWish.Prepare when phase == GangPhase.Stopped && !hasPrepared && spec is not null && seat is not null:
                phase = GangPhase.Preparing;
                outputs.Add(new PrepareRanks(Generation, spec, seat));
                break;
            case GangWish.Run when phase == GangPhase.Ready && start is not null && isAnswer && now < sent + spec!.Lease:
                StartRanks(sent);
                break;
            case GangWish.Stop or GangWish.Forget when phase is not (GangPhase.Stopping or GangPhase.Stopped):
                Stop(order.Reason);
                break;
        }

        if (order.Wish == GangWish.Forget && phase == GangPhase.Stopped)
            outputs.Add(new ForgetGang());

        owesReport |= phase != before;
    }

    private void BeginGeneration(GangOrder order)
    {
        ranks.Clear();
        endedAt.Clear();
        asked.Clear();
        (phase, seat, start, lease, killAt, askAt) = (GangPhase.Stopped, null, null, null, null, null);
        (hasPrepared, ports, leasePort, step, detail, heardAt) = (order.Wish != GangWish.Prepare || !IsMeant(order), 0, 0, 0, "", now);
        spec = order.Spec ?? spec;
        owesReport = true;
    }

    /// <summary>What an earlier process of the node was told, and is heard by this one, starts nothing.</summary>
    private bool IsMeant(GangOrder order) => order.Boot == 0 || order.Boot == boot;

    /// <summary>
    /// The lease counts from the report that the order answers: however long the order was on its way, the job knows when it ends.
    /// </summary>
    private void StartRanks(TimeSpan sent)
    {
        phase = GangPhase.Running;
        heardAt = now;
        lease = new GangLease(sent, spec!, [.. start!.Panel.Select(peer => peer.Index)], seat!.Index);
        for (var local = 0; local < seat.Gpus.Count; local++)
            ranks[(seat.Index * seat.Gpus.Count) + local] = new GangRank((seat.Index * seat.Gpus.Count) + local, seat.Gpus[local], 0);
        outputs.Add(new RunRanks(Generation, spec!, seat, start));
    }

    private void Stop(string reason)
    {
        detail = reason;
        if (IsAlive)
        {
            phase = GangPhase.Stopping;
            killAt = now + spec!.Grace;
            lease?.Leave(now);
            Ask();
            outputs.Add(new EndRanks(Generation));
            return;
        }

        outputs.Add(new DropPreparation(Generation));
        phase = GangPhase.Stopped;
    }

    /// <summary>Whatever ends from now on has not failed by itself.</summary>
    private void Ask() => asked.UnionWith(ranks.Values.Where(rank => rank.Exit is null).Select(rank => rank.Rank));

    private void OnEnded(AgentRankEnded ended)
    {
        if (!ranks.TryGetValue(ended.Rank, out var rank) || rank.Exit is not null)
            return;
        ranks[ended.Rank] = rank with { Exit = ended.Exit with { Asked = asked.Contains(ended.Rank) } };
        endedAt[ended.Rank] = now;
        owesReport = true;
        if (IsAlive || phase != GangPhase.Stopping)
            return;
        (phase, killAt) = (GangPhase.Stopped, null);
        outputs.Add(new DropPreparation(Generation));
    }

    /// <summary>
    /// Before anything else is heeded: what comes too late renews nothing. It ends a grace as well: the job counts on it, however long
    /// processes were given to end in order.
    /// </summary>
    private void ExpireLease()
    {
        if (phase is not (GangPhase.Running or GangPhase.Stopping) || lease is null || now < lease.Until)
            return;
        lease = null;
        outputs.Add(new KillRanks(Generation));
        killAt = now + LongestReportPeriod;
        if (phase == GangPhase.Stopping)
            return;
        detail = $"neither the job nor a majority of its agents was heard for {spec!.Lease.TotalSeconds:0.#} s";
        Ask();
        (phase, killAt) = IsAlive ? (GangPhase.Stopping, killAt) : (GangPhase.Stopped, null);
        owesReport = true;
    }

    private void OnTime()
    {
        if (killAt is { } at && now >= at)
        {
            outputs.Add(new KillRanks(Generation));
            killAt = now + LongestReportPeriod;
        }

        if (phase == GangPhase.Running && lease is not null && now >= NextQuestion)
        {
            askAt = now + (spec!.Lease / 6);
            outputs.Add(new AskPeers(Generation, start!, now));
        }

        if (Generation > 0 && (owesReport || now >= reportAt))
            Report();
    }

    /// <summary>
    /// What is not answered soon is said again, ever more slowly: a job that has thousands of agents to answer is not to be asked by each
    /// of them all the faster the longer that takes.
    /// </summary>
    private void Report()
    {
        var again = UnansweredPeriod * (1 << Math.Min(unanswered++, MostDoublings));
        (owesReport, reportAt) = (false, now + (ReportPeriod < again ? ReportPeriod : again));
        sentAt[++sequence] = now;
        sentAt.Remove(sequence - RememberedReports);
        outputs.Add(new TellGang(new GangReport
        {
            Job = job,
            Generation = Generation,
            Sequence = sequence,
            Phase = phase,
            MasterPort = ports,
            LeasePort = leasePort,
            Ranks = [.. ranks.Values.Select(rank =>
                rank.Exit is { } exit ? rank with { Exit = exit with { AgeMs = (now - endedAt[rank.Rank]).TotalMilliseconds } } : rank)],
            Step = step,
            SilentMs = (now - heardAt).TotalMilliseconds,
            Detail = detail,
        }));
    }
}
