using System.Text.Json;

namespace Coordinator.Machines.Gangs;

/// <summary>
/// A gang: a foreign program on several nodes, all or none. It asks the cluster for whole nodes, forms a generation of them, has every
/// agent prepare, lets all start together, and ends all of them when one is lost, since none can go on without it. The next generation
/// begins when every process of the last one is known to be dead: its agent says so, or its lease has run out.
/// <para>
/// Idle case: agents report four times in a lease, and each report is answered. Bursty case: a process or a node dies, and all agents are
/// told to stop; what they then report is judged once, when all have stopped: who failed first, whether that costs a restart, and on which
/// nodes to go on.
/// </para>
/// Ordering and durability: a generation, its start, its end and what was judged are durable before any agent hears of them. What agents
/// reported is not stored: they repeat it. Leases of agents that were not heard since this machine was loaded count from then.
/// </summary>
public sealed partial class GangMachine : IMachine
{
    /// <summary>What a kill takes, once it was decided: added to a lease before its processes count as dead.</summary>
    public static TimeSpan KillTime { get; } = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan RepeatPeriod = TimeSpan.FromSeconds(1);
    private const int KeptFailures = 20;

    private readonly JobId id;
    private readonly SortedDictionary<int, Agent> agents = [];
    private readonly Dictionary<NodeId, int> indexes = [];
    private IReadOnlyList<GangMember>? indexed;
    private GangState? state;
    private long writes;
    private bool isDirty;
    private TimeSpan loadedAt;

    /// <summary>Whether its stage began before it was loaded.</summary>
    private bool isResumed;
    private TimeSpan stageAt;

    /// <summary>
    /// Time in which this machine could hear: it takes a turn every second, and where one comes late, the silo stood still, with all that
    /// agents had said meanwhile before its door. Their silence is measured by this clock, that of the dead by the real one.
    /// </summary>
    private TimeSpan awake;
    private TimeSpan? turnAt;
    private TimeSpan stageAwake;
    private TimeSpan now;
    private Outputs outputs = new();

    /// <summary>What is known of a member, and when it was ordered last.</summary>
    private sealed class Agent
    {
        public GangReport? Report { get; set; }

        public WorkerSession Session { get; set; }

        /// <summary>
        /// When a report of this generation was heard, each of which is answered; null: none was since this machine was loaded.
        /// </summary>
        public TimeSpan? HeardAt { get; set; }

        /// <summary>The same by <see cref="awake"/>.</summary>
        public TimeSpan? HeardAwake { get; set; }

        public TimeSpan OrderedAt { get; set; }

        public GangWish? Ordered { get; set; }

        /// <summary>When it said first that it takes part no more; null: it may.</summary>
        public TimeSpan? StoppingAt { get; set; }

        public bool IsStopped => Report?.Phase is GangPhase.Stopped or GangPhase.Refused;

        public bool HasSucceeded =>
            Report is { Phase: GangPhase.Running, Ranks: { Count: > 0 } ranks } && ranks.All(rank => rank.Exit is { IsSuccess: true });

        /// <summary>Ends of its processes, by rank, on this machine's clock.</summary>
        public Dictionary<int, TimeSpan> EndedAt { get; } = [];
    }

    /// <summary>A gang as stored, or one that nobody has submitted yet.</summary>
    public GangMachine(JobId id, string? stateJson)
    {
        this.id = id;
        if (stateJson is null)
            return;
        state = Contracts.ReadState<GangState>(Address, stateJson);
        foreach (var index in Enumerable.Range(0, state.Members.Count))
            agents[index] = new Agent();
    }

    /// <inheritdoc/>
    public GrainAddress Address => GrainAddress.OfGang(id);

    /// <inheritdoc/>
    public TimeSpan? NextDeadline { get; private set; }

    private GangSpec Spec => state!.Spec;

    private bool IsOver => state is { Stage: GangStage.Finished or GangStage.Failed };

    /// <inheritdoc/>
    public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
    {
        awake += turnAt is { } before ? Sooner(now - before, RepeatPeriod) : TimeSpan.Zero;
        (this.now, this.outputs, NextDeadline, turnAt) = (now, outputs, null, now);
        switch (message)
        {
            case Activated activated when state is not null:
                loadedAt = stageAt = lookAt = now;
                isResumed = true;
                state = state with { Incarnation = state.Incarnation + 1 };

                // Before anything is observed: a store takes events from whoever wrote the state last, and refuses them from anybody else.
                Persist();
                Observe(EventKinds.JobActivated, $"{id} was loaded by {activated.Silo}");
                break;
            case Activated:
                loadedAt = now;
                break;
            case SubmitGang submit when state is null:
                Accept(submit);
                break;
            case CancelGang cancel when state is not null && !IsOver:
                Cancel(cancel.Reason);
                break;
            case GangOffered offered when state is not null:
                OnOffer(offered.Offer);
                break;
            case GangReported reported when state is not null:
                OnReport(reported);
                break;
        }

        if (state is not null)
            OnTime();
    }

    /// <inheritdoc/>
    public string Describe(TimeSpan now) => state is null ? "null" : JsonSerializer.Serialize(View(now), MachinesJson.Default.GangView);

    private GangView View(TimeSpan at) => new()
    {
        Id = id,
        Phase = state!.Stage.ToString().ToLowerInvariant(),
        Reason = state.Stage == GangStage.Waiting && waits.Length > 0 ? waits
            : state.Stage == GangStage.Stopping ? WhyStopping(at)
            : state.Reason,
        Spec = state.Spec,
        Incarnation = state.Incarnation,
        Generation = state.Generation,
        Restarts = (int)Math.Max(0, state.Generation - 1 - state.NeverStarted),
        RestartsLeft = Math.Max(0, Spec.Restarts - state.Spent),
        Step = BestStep is > 0 and var step ? step : null,
        Nodes = [.. state.Members.Select((member, index) => ViewOf(member, index, at))],
        LastNodes = state.LastNodes,
        LeftOut = state.LeftOut,
        Failures = state.Failures,
        FirstFailure = state.FirstFailure,
        ExitCode = state.ExitCode,
    };

    private GangNodeView ViewOf(GangMember member, int index, TimeSpan at)
    {
        var agent = agents[index];
        return new GangNodeView(
            index,
            member.Node,
            agent.Report?.Phase.ToString().ToLowerInvariant() ?? "unheard",
            agent.HeardAt is { } heard ? (at - heard).TotalMilliseconds : null,
            agent.Report?.Ranks ?? [])
        {
            Detail = agent.Report?.Detail ?? "",
        };
    }

    private long BestStep => Math.Max(state!.BestStep, agents.Values.Select(agent => agent.Report?.Step ?? 0).DefaultIfEmpty().Max());

    private void Accept(SubmitGang submit)
    {
        state = new GangState
        {
            Spec = submit.Spec,
            Secret = submit.Secret,
            Incarnation = 1,
            Stage = GangStage.Waiting,
            Reason = "waits for nodes",
        };
        isDirty = true;
        stageAt = now;
        Observe(
            EventKinds.JobSubmitted, $"{id}: {string.Join(' ', submit.Spec.Command)}",
            numbers: new SortedDictionary<string, double> { ["processes"] = Spec.RanksOn(Spec.MaxNodes) });
    }

    private void Cancel(string reason)
    {
        var cause = new GangFailure(state!.Generation, GangFailure.Cancelled, CancelJob.ReasonPrefix + reason);
        if (state.Members.Count == 0)
            End(GangStage.Failed, cause.Text, null);
        else
            Stop(cause, GangStage.Failed);
    }

    private void OnReport(GangReported reported)
    {
        var index = IndexOf(reported.Node);
        if (index < 0 || reported.Report.Generation != state!.Generation)
        {
            Dismiss(reported);
            return;
        }

        var agent = agents[index];
        if (reported.Session.IsOlderThan(agent.Session)
            || (reported.Session == agent.Session && reported.Report.Sequence <= agent.Report?.Sequence))
        {
            return;
        }

        (agent.Session, agent.Report, agent.HeardAt, agent.HeardAwake) = (reported.Session, reported.Report, now, awake);
        if (reported.Report.Phase is GangPhase.Stopping or GangPhase.Stopped or GangPhase.Refused)
            agent.StoppingAt ??= now;
        foreach (var rank in reported.Report.Ranks)
        {
            if (rank.Exit is { } exit)
                agent.EndedAt.TryAdd(rank.Rank, now - TimeSpan.FromMilliseconds(exit.AgeMs));
        }

        answered = index;
    }

    /// <summary>
    /// An agent that is none of the generation's is told to stop, in its own generation: what it runs is an old one's, or nobody's.
    /// </summary>
    private void Dismiss(GangReported reported)
    {
        var report = reported.Report;
        var isStopped = report.Phase is GangPhase.Stopped or GangPhase.Refused;
        if (report.Generation > state!.Generation || (isStopped && IndexOf(reported.Node) >= 0))
            return;
        Order(reported.Node, new GangOrder
        {
            Job = id,
            Incarnation = state.Incarnation,
            Generation = report.Generation,
            Wish = isStopped ? GangWish.Forget : GangWish.Stop,
            Heard = report.Sequence,
            Reason = "it is no member of the generation",
        });
    }

    /// <summary>
    /// What follows from all that is known by now. The answer to a report comes last, so that it says what follows from it.
    /// </summary>
    private void OnTime()
    {
        var before = state!.Stage;
        switch (before)
        {
            case GangStage.Waiting:
                Place();
                break;
            case GangStage.Preparing:
                Prepare();
                break;
            case GangStage.Running:
                Run();
                break;
            case GangStage.Stopping:
                AwaitDeath();
                break;
        }

        if (state.Stage != before)
            (stageAt, stageAwake, isResumed) = (now, awake, false);
        if (isDirty)
            Persist();
        RequestGpus();
        OrderAll();
        if (state.Stage != before)
            WakeAt(now);
    }

    private void WakeAt(TimeSpan at) => NextDeadline = NextDeadline is { } sooner && sooner < at ? sooner : at;

    private void Persist()
    {
        isDirty = false;
        outputs.Add(new PersistState(JsonSerializer.Serialize(state!, MachinesJson.Default.GangState), state!.Incarnation, ++writes));
    }

    /// <summary>
    /// A member's index; below 0: the node is none. A gang may have thousands of members, each of which reports several times a lease.
    /// </summary>
    private int IndexOf(NodeId node)
    {
        if (indexed != state!.Members)
        {
            indexes.Clear();
            foreach (var member in state.Members)
                indexes.Add(member.Node, indexes.Count);
            indexed = state.Members;
        }

        return indexes.GetValueOrDefault(node, -1);
    }

    private void Observe(
        string kind,
        string text,
        NodeId? node = null,
        string? cause = null,
        double? durationMs = null,
        IReadOnlyDictionary<string, double>? numbers = null) =>
        outputs.Observe(new CoordinatorEvent
        {
            Kind = kind,
            Job = id,
            Node = node,
            Generation = state?.Generation,
            Cause = cause,
            Text = text,
            DurationMs = durationMs,
            Numbers = numbers,
        });

    private void End(GangStage stage, string reason, int? exitCode)
    {
        state = state! with { Stage = stage, Reason = reason, Members = [], ExitCode = exitCode, StopCause = null, StopTo = null };
        agents.Clear();
        isDirty = true;
        Observe(stage == GangStage.Finished ? EventKinds.JobFinished : EventKinds.JobFailed, reason);
    }
}
