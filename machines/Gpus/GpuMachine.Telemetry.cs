using Coordinator.Machines.Gpus.Policies;

namespace Coordinator.Machines.Gpus;

/// <content>What telemetry says, what the policy makes of it, and how a gpu leaves its job and comes back.</content>
public sealed partial class GpuMachine
{
    private static readonly TimeSpan WithdrawPeriod = TimeSpan.FromSeconds(1);

    private GpuDescription? description;
    private GpuReading? reading;
    private TimeSpan readAt;
    private GpuVerdict? incident;
    private TimeSpan incidentSince;
    private TimeSpan? withdrawAt;
    private WorkerSession? faultOf;

    private void OnMeasured(TimeSpan now, GpuReading measured, Outputs outputs)
    {
        var verdicts = policy.Judge(measured, reading?.UncorrectedEcc);
        (reading, readAt) = (measured with { Xids = [] }, now);
        if (state.MarkedBy is null && state.Remedy != GpuRemedy.None && IsRemedied(measured))
        {
            Change(state with
            {
                Health = GpuHealth.Probation,
                Remedy = GpuRemedy.None,
                Reason = $"back after {GpuHealthPolicy.WordOf(state.Remedy)}: {state.Reason}",
            }, outputs);
            changeAt = now + ProbationTime;
            incident = null;
            return;
        }

        foreach (var verdict in verdicts)
            Take(now, verdict, outputs);
    }

    /// <summary>
    /// A burst is one incident: what follows in its time is written down once a kind, and acted upon only if it is worse.
    /// </summary>
    private void Take(TimeSpan now, GpuVerdict verdict, Outputs outputs)
    {
        if (incident is { } known && now < incidentSince + policy.IncidentTime && verdict.Remedy <= known.Remedy)
            return;
        if ((verdict.TakesOut && state.Remedy >= verdict.Remedy) || state.MarkedBy is not null)
            return;
        if (incident is null || now >= incidentSince + policy.IncidentTime)
            incidentSince = now;
        incident = verdict;
        outputs.Observe(new CoordinatorEvent
        {
            Kind = EventKinds.GpuError,
            Node = id.Node,
            Gpu = id,
            Job = plan?.Job,
            Cause = GpuHealthPolicy.WordOf(verdict.Remedy),
            Text = $"{id}: {verdict.Reason}: {GpuHealthPolicy.WordOf(verdict.Remedy)}",
        });
        if (!verdict.TakesOut)
            return;
        TakeOut(now, verdict, markedBy: null, outputs);
    }

    /// <summary>It is taken out of service until its remedy was done, and its job is asked to go on without it.</summary>
    private void TakeOut(TimeSpan now, GpuVerdict verdict, string? markedBy, Outputs outputs)
    {
        withdrawAt = now;
        Change(
            state with
            {
                Health = GpuHealth.Quarantined,
                Faults = state.Faults + 1,
                Reason = verdict.Reason,
                Remedy = verdict.Remedy,
                RemedyBoot = session.Boot,
                RemedyHostBoot = reading?.HostBoot ?? "",
                MarkedBy = markedBy,
                WithdrawnFrom = plan?.Job ?? state.WithdrawnFrom,
            },
            outputs);
        changeAt = null;
    }

    /// <summary>
    /// The rank's program or device failed. Where the telemetry has just said that only the program is to blame, the gpu stays in service,
    /// on probation: the next fault sends it away.
    /// </summary>
    private void OnFault(TimeSpan now, string detail, Outputs outputs)
    {
        if (state.Health == GpuHealth.Healthy && incident is { Remedy: GpuRemedy.RestartProgram } known
            && now < incidentSince + policy.IncidentTime)
        {
            plan = null;
            Change(state with { Health = GpuHealth.Probation, Faults = state.Faults + 1, Reason = $"{known.Reason}: {detail}" }, outputs);
            changeAt = now + ProbationTime;
            faultOf = session;
            return;
        }

        // The same fault, said again.
        if (state.Health == GpuHealth.Probation && faultOf == session && plan is null)
            return;
        Quarantine(now, detail, outputs);
    }

    /// <summary>
    /// Whether a reading shows that the remedy was done: a worker process that began after it was asked for, a host booted since where that
    /// was asked for and can be told, and nothing to complain of.
    /// </summary>
    private bool IsRemedied(GpuReading measured) =>
        session.Boot > state.RemedyBoot
        && (state.Remedy != GpuRemedy.RebootNode || state.RemedyHostBoot.Length == 0 || measured.HostBoot != state.RemedyHostBoot)
        && policy.IsClean(measured);

    private void RepeatWithdrawal(TimeSpan now, Outputs outputs)
    {
        if (state.WithdrawnFrom is not { } from)
        {
            withdrawAt = null;
            return;
        }

        if (now < withdrawAt)
            return;
        withdrawAt = now + WithdrawPeriod;
        outputs.Send(GrainAddress.Of(from), new GpuWithdrawn(id, $"{state.Reason}: {GpuHealthPolicy.WordOf(state.Remedy)}"));
    }
}
