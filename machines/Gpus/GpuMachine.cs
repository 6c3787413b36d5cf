using System.Text.Json;
using System.Text.Json.Serialization;
using Coordinator.Machines.Gpus.Policies;

namespace Coordinator.Machines.Gpus;

/// <summary>Whether a gpu may be given work.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<GpuHealth>))]
public enum GpuHealth
{
    /// <summary>It may.</summary>
    Healthy,

    /// <summary>It may not, for a while that doubles with every fault.</summary>
    Quarantined,

    /// <summary>It may, and one more fault sends it back.</summary>
    Probation,
}

/// <summary>What a gpu keeps durable: only what is out of the ordinary.</summary>
/// <param name="Health">Whether it may be given work.</param>
/// <param name="Faults">Faults since it was last healthy.</param>
/// <param name="Reason">The last fault.</param>
/// <param name="Incarnation">Activation that wrote this.</param>
public sealed record GpuState(GpuHealth Health, int Faults, string Reason, long Incarnation)
{
    /// <summary>What an operator has to do before it serves again; none where time is enough.</summary>
    public GpuRemedy Remedy { get; init; }

    /// <summary>
    /// Worker process (<see cref="WorkerSession.Boot"/>) that it was taken out under: only a later one can show that the remedy was done.
    /// </summary>
    public long RemedyBoot { get; init; }

    /// <summary>Boot of the host that it was taken out under.</summary>
    public string RemedyHostBoot { get; init; } = "";

    /// <summary>
    /// Who has taken it out by hand; null: nobody. Then only whoever marks it good brings it back, and no reading and no time.
    /// </summary>
    public string? MarkedBy { get; init; }

    /// <summary>Job that has not let go of it yet.</summary>
    public JobId? WithdrawnFrom { get; init; }

    /// <summary>Version of the contract that this is written by; see <see cref="Contracts.StateVersion"/>.</summary>
    public int Version { get; init; } = Contracts.FirstStateVersion;
}

/// <summary>
/// An accelerator: its health and its rank plan. Every order for its device passes here; an order that is older, by (incarnation,
/// generation), than one already passed on for the same job goes no further.
/// <para>
/// It is loaded when something is asked of it for the first time, and not when its node connects: of a gpu that is well and has no work
/// there is nothing to know. What is durable of it is out of the ordinary, and that the cluster has on record too, so that the node wakes
/// it by itself: the gpu tells of every change until the cluster has that durable, and again when it is loaded anew. Where the record is
/// behind all the same, as after a death between the two, the first order finds what is stored here, and goes no further.
/// </para>
/// <para>
/// Idle case: telemetry comes now and then and is shown. Bursty case: an error shows. The policy says what is done about it: a gpu whose
/// program failed goes on; one that an operator must see to is taken out of service, and its job is asked to go on without it. What
/// follows within the incident's time changes that only if it is worse.
/// </para>
/// </summary>
public sealed partial class GpuMachine : IMachine
{
    private static readonly TimeSpan FirstQuarantine = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestQuarantine = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan ProbationTime = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan FirstReportPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestReportPeriod = TimeSpan.FromSeconds(8);

    private readonly GpuId id;
    private readonly GpuHealthPolicy policy;
    private readonly long ownIncarnation = 1;
    private GpuState state = new(GpuHealth.Healthy, 0, "", 1);
    private long writes;
    private WorkerSession session;
    private JobId? job;
    private long incarnation;
    private long generation;
    private RankPlan? plan;
    private TimeSpan? changeAt;
    private long reports;
    private TimeSpan? reportAt;
    private TimeSpan reportPeriod;

    /// <summary>A gpu as stored, or a healthy one.</summary>
    public GpuMachine(GpuId id, string? stateJson, GpuHealthPolicy policy)
    {
        (this.id, this.policy) = (id, policy);
        if (stateJson is null)
            return;
        state = Contracts.ReadState<GpuState>(Address, stateJson);
        ownIncarnation = state.Incarnation + 1;
    }

    /// <summary>
    /// Whether a gpu of which this is stored has something to do by itself: a quarantine ends, a job has to let go of it, a later reading
    /// shows that its remedy was done. One whose state cannot be read has: its grain says so.
    /// </summary>
    public static bool NeedsWaking(GpuId id, string stateJson)
    {
        try
        {
            return NeedsWaking(Contracts.ReadState<GpuState>(GrainAddress.Of(id), stateJson));
        }
        catch (Exception e) when (e is JsonException or StateVersionException)
        {
            return true;
        }
    }

    /// <inheritdoc/>
    public GrainAddress Address => GrainAddress.Of(id);

    /// <inheritdoc/>
    public TimeSpan? NextDeadline { get; private set; }

    /// <inheritdoc/>
    public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
    {
        if (message is Activated && IsWatched)
            OweReport();
        switch (message)
        {
            case Activated when state.Health != GpuHealth.Healthy && state.Remedy == GpuRemedy.None:
                // Durations restart on load.
                changeAt = now + (state.Health == GpuHealth.Quarantined ? QuarantineOf(state.Faults) : ProbationTime);
                break;
            case Activated when state.WithdrawnFrom is not null:
                withdrawAt = now;
                break;
            case GpuAttached attached when !attached.Session.IsOlderThan(session):
                (session, description) = (attached.Session, attached.Description);
                if (attached.Watched && reportAt is null)
                    OweReport();
                break;
            case GpuConditionTaken taken when (taken.Incarnation, taken.Number) == (ownIncarnation, reports):
                reportAt = null;
                break;
            case GpuOrdered ordered:
                Pass(ordered.Order, outputs);
                break;
            case GpuFaultReported fault when !fault.Session.IsOlderThan(session):
                OnFault(now, fault.Detail, outputs);
                break;
            case GpuMarked marked:
                OnMarked(now, marked, outputs);
                break;
            case GpuMeasured measured when !measured.Session.IsOlderThan(session):
                session = measured.Session;
                OnMeasured(now, measured.Reading, outputs);
                break;
        }

        if (now >= changeAt)
            Improve(now, outputs);
        if (now >= reportAt)
            Report(now, outputs);
        RepeatWithdrawal(now, outputs);
        NextDeadline = Earlier(Earlier(reportAt, changeAt), withdrawAt);
    }

    /// <inheritdoc/>
    public string Describe(TimeSpan now) => JsonSerializer.Serialize(
        new GpuView(id, state.Health.ToString().ToLowerInvariant(), state.Reason, state.Faults, plan)
        {
            Remedy = state.Remedy == GpuRemedy.None ? "" : GpuHealthPolicy.WordOf(state.Remedy),
            Description = description,
            Reading = reading,
            ReadingAgeMs = reading is null ? null : (now - readAt).TotalMilliseconds,
        },
        MachinesJson.Default.GpuView);

    private bool IsWatched => NeedsWaking(state);

    private static bool NeedsWaking(GpuState state) => state.Health != GpuHealth.Healthy || state.WithdrawnFrom is not null;

    private void OweReport()
    {
        reports++;
        reportAt = TimeSpan.MinValue;
        reportPeriod = FirstReportPeriod;
    }

    private void Report(TimeSpan now, Outputs outputs)
    {
        reportAt = now + reportPeriod;
        reportPeriod = reportPeriod + reportPeriod < LongestReportPeriod ? reportPeriod + reportPeriod : LongestReportPeriod;
        outputs.Send(GrainAddress.Cluster, new GpuConditionReported(id, session, state.Health != GpuHealth.Quarantined, state.Reason)
        {
            Watched = IsWatched,
            Incarnation = ownIncarnation,
            Number = reports,
        });
    }

    private void Pass(RankOrder order, Outputs outputs)
    {
        if (job is { } current && current != order.Job)
        {
            // The cluster gives a gpu to another job only when its old job's generation without it is durable. So the old job has
            // nothing left to say but to release its rank, and a plan comes only to who has promised.
            if (order is ReleaseRank)
                outputs.Send(id.Node, new RankOrdered(order));
            if (order is not PrepareRank)
                return;
            (incarnation, generation, plan) = (0, 0, null);
        }

        if (job == order.Job && (order.Incarnation < incarnation || order.Generation < generation))
            return;
        if (state.Health == GpuHealth.Quarantined && order is not ReleaseRank && state.WithdrawnFrom != order.Job)
        {
            // Whoever gave it to a job has it on record as fit.
            if (reportAt is null)
                OweReport();
            return;
        }

        (job, incarnation, generation) = (order.Job, order.Incarnation, order.Generation);
        plan = order as RankPlan;
        if (order is ReleaseRank)
            plan = null;
        if (order is ReleaseRank && state.WithdrawnFrom == order.Job)
            Persist(state with { WithdrawnFrom = null }, outputs);
        outputs.Send(id.Node, new RankOrdered(order));
    }

    private static TimeSpan QuarantineOf(int faults) =>
        TimeSpan.FromTicks(Math.Min(LongestQuarantine.Ticks, FirstQuarantine.Ticks << Math.Min(faults - 1, 10)));

    private void Quarantine(TimeSpan now, string reason, Outputs outputs)
    {
        // Faults are reported until they are heard; one that is repeated while the gpu is out already is the same fault.
        if (state.Health == GpuHealth.Quarantined)
            return;
        plan = null;
        Change(state with { Health = GpuHealth.Quarantined, Faults = state.Faults + 1, Reason = reason }, outputs);
        changeAt = now + QuarantineOf(state.Faults);
    }

    /// <summary>
    /// Operators know more than errors tell. A gpu that they take out leaves its job in order, like one that needs a reset; one that they
    /// give back is healthy at once, whatever it was out for. Said again it changes nothing.
    /// </summary>
    private void OnMarked(TimeSpan now, GpuMarked marked, Outputs outputs)
    {
        var reason = $"marked {(marked.Good ? "good" : "bad")} by {marked.By}: {marked.Reason}";
        if (marked.Good ? state.Health == GpuHealth.Healthy : state.MarkedBy == marked.By && state.Reason == reason)
            return;
        incident = null;
        changeAt = null;
        if (marked.Good)
        {
            var well = state with { Health = GpuHealth.Healthy, Faults = 0, Reason = "", Remedy = GpuRemedy.None, MarkedBy = null };
            Change(well, outputs, reason);
            return;
        }

        TakeOut(now, new GpuVerdict(GpuRemedy.Quarantine, reason), marked.By, outputs);
    }

    private void Improve(TimeSpan now, Outputs outputs)
    {
        if (state.Health == GpuHealth.Quarantined)
        {
            Change(state with { Health = GpuHealth.Probation }, outputs);
            changeAt = now + ProbationTime;
            return;
        }

        Change(state with { Health = GpuHealth.Healthy, Faults = 0, Reason = "" }, outputs);
        changeAt = null;
    }

    private static TimeSpan? Earlier(TimeSpan? a, TimeSpan? b) => a is null ? b : b is null || a < b ? a : b;

    private void Change(GpuState next, Outputs outputs, string? why = null)
    {
        Persist(next, outputs);
        why ??= next.Reason;
        outputs.Observe(
            new CoordinatorEvent
            {
                Kind = EventKinds.GpuHealth,
                Node = id.Node,
                Gpu = id,
                Cause = why,
                Text = $"{id} is {next.Health.ToString().ToLowerInvariant()} after {next.Faults} faults: "
                    + $"{why}{(next.Remedy == GpuRemedy.None ? "" : $"; to be done: {GpuHealthPolicy.WordOf(next.Remedy)}")}",
            });
    }

    private void Persist(GpuState next, Outputs outputs)
    {
        state = next with { Incarnation = ownIncarnation };
        outputs.Add(new PersistState(JsonSerializer.Serialize(state, MachinesJson.Default.GpuState), ownIncarnation, ++writes));
        OweReport();
    }
}
