using System.Text.Json;
using System.Text.Json.Serialization;

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
    /// <summary>Version of the contract that this is written by; see <see cref="Contracts.StateVersion"/>.</summary>
    public int Version { get; init; } = Contracts.StateVersion;
}

/// <summary>
/// An accelerator: its health and its rank plan. Every order for its device passes here; an order that is older, by (incarnation,
/// generation), than one already passed on for the same job goes no further.
/// </summary>
public sealed class GpuMachine : IMachine
{
    private static readonly TimeSpan FirstQuarantine = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestQuarantine = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan ProbationTime = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ReportPeriod = TimeSpan.FromSeconds(1);

    private readonly GpuId id;
    private readonly long ownIncarnation = 1;
    private GpuState state = new(GpuHealth.Healthy, 0, "", 1);
    private long writes;
    private WorkerSession session;
    private JobId? job;
    private long incarnation;
    private long generation;
    private RankPlan? plan;
    private TimeSpan? changeAt;
    private int reportsLeft;
    private TimeSpan reportAt;

    /// <summary>A gpu as stored, or a healthy one.</summary>
    public GpuMachine(GpuId id, string? stateJson)
    {
        this.id = id;
        if (stateJson is null)
            return;
        state = Contracts.ReadState<GpuState>(Address, stateJson);
        ownIncarnation = state.Incarnation + 1;
    }

    /// <inheritdoc/>
    public GrainAddress Address => GrainAddress.Of(id);

    /// <inheritdoc/>
    public TimeSpan? NextDeadline { get; private set; }

    /// <inheritdoc/>
    public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
    {
        switch (message)
        {
            case Activated when state.Health != GpuHealth.Healthy:
                // Durations restart on load.
                changeAt = now + (state.Health == GpuHealth.Quarantined ? QuarantineOf(state.Faults) : ProbationTime);
                break;
            case GpuAttached attached when !attached.Session.IsOlderThan(session):
                session = attached.Session;
                if (state.Health == GpuHealth.Quarantined)
                    reportsLeft = 3;
                break;
            case GpuOrdered ordered:
                Pass(ordered.Order, outputs);
                break;
            case GpuFaultReported fault when !fault.Session.IsOlderThan(session):
                Quarantine(now, fault.Detail, outputs);
                break;
        }

        if (now >= changeAt)
            Improve(now, outputs);
        if (reportsLeft > 0 && now >= reportAt)
        {
            reportsLeft--;
            reportAt = now + ReportPeriod;
            outputs.Send(GrainAddress.Cluster, new GpuConditionReported(id, session, state.Health != GpuHealth.Quarantined, state.Reason));
        }

        NextDeadline = reportsLeft > 0 && (changeAt is null || reportAt < changeAt) ? reportAt : changeAt;
    }

    /// <inheritdoc/>
    public string Describe(TimeSpan now) => JsonSerializer.Serialize(new GpuView(id, state.Health.ToString().ToLowerInvariant(), state.Reason, state.Faults, plan), MachinesJson.Default.GpuView);

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
        if (state.Health == GpuHealth.Quarantined && order is not ReleaseRank)
            return;
        (job, incarnation, generation) = (order.Job, order.Incarnation, order.Generation);
        plan = order as RankPlan;
        if (order is ReleaseRank)
            plan = null;
        outputs.Send(id.Node, new RankOrdered(order));
    }

    private static TimeSpan QuarantineOf(int faults) => TimeSpan.FromTicks(Math.Min(LongestQuarantine.Ticks, FirstQuarantine.Ticks << Math.Min(faults - 1, 10)));

    private void Quarantine(TimeSpan now, string reason, Outputs outputs)
    {
        // Faults are reported until they are heard; one that is repeated while the gpu is out already is the same fault.
        if (state.Health == GpuHealth.Quarantined)
            return;
        plan = null;
        Change(state with { Health = GpuHealth.Quarantined, Faults = state.Faults + 1, Reason = reason }, outputs);
        changeAt = now + QuarantineOf(state.Faults);
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

    private void Change(GpuState next, Outputs outputs)
    {
        state = next with { Incarnation = ownIncarnation };
        outputs.Add(new PersistState(JsonSerializer.Serialize(state, MachinesJson.Default.GpuState), ownIncarnation, ++writes));
        outputs.Observe(new CoordinatorEvent { Kind = EventKinds.GpuHealth, Node = id.Node, Gpu = id, Cause = next.Reason, Text = $"{id} is {next.Health.ToString().ToLowerInvariant()} after {next.Faults} faults: {next.Reason}" });
        reportsLeft = 3;
        reportAt = TimeSpan.MinValue;
    }
}
