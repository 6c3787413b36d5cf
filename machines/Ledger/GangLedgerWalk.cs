using Coordinator.Machines.Gangs;

namespace Coordinator.Machines.Ledger;

/// <summary>
/// A gang's ledger by its events: it waits for nodes, starts, runs, and is ended and made whole again. Whether its processes get on while
/// they run nobody knows, so nothing of that time is called lost.
/// </summary>
internal sealed class GangLedgerWalk(JobId job, IReadOnlyList<HistoryEvent> events)
{
    private readonly DateTimeOffset from = events[0].At;
    private readonly Account account = new();
    private readonly List<Incident> incidents = [];
    private double wanted = Processes(events[0].Event) ?? 0;
    private double running;
    private string cause = LedgerCause.Capacity;
    private double cursor;
    private double? began;

    /// <summary>When the generation in hand began to end, and why; null: it runs, or none was.</summary>
    private (double At, CoordinatorEvent Event)? stopping;
    private CoordinatorEvent? failure;

    /// <summary>The ledger through a moment.</summary>
    public JobLedger Build(DateTimeOffset moment)
    {
        var (state, through) = ("waiting", (moment - from).TotalSeconds);
        foreach (var (time, happened) in events)
        {
            var at = Math.Max(cursor, (time - from).TotalSeconds);
            switch (happened.Kind)
            {
                case EventKinds.GenerationForming:
                    Spend(at);
                    began ??= at;
                    cause = stopping is null ? LedgerCause.ProgramStartup : KindOf(stopping.Value.Event);
                    running = Processes(happened) ?? running;
                    wanted = Math.Max(wanted, running);
                    state = "running";
                    break;
                case EventKinds.GenerationPlanned when stopping is null:
                    Spend(at);
                    cause = LedgerCause.TrainingPrep;
                    break;
                case EventKinds.GenerationRunning:
                    Spend(at);
                    Recovered(at, happened.Generation);
                    (cause, state) = (LedgerCause.Running, "running");
                    break;
                case EventKinds.GangStopping:
                    Spend(at);
                    stopping ??= (at, happened);
                    cause = KindOf(stopping.Value.Event);
                    break;
                case EventKinds.GangFailure:
                    failure ??= happened;
                    break;
                case EventKinds.JobWaiting:
                    Spend(at);
                    (cause, state) = (LedgerCause.Capacity, "waiting");
                    break;
                case EventKinds.JobFinished or EventKinds.JobFailed:
                    Spend(at);
                    state = happened.Kind == EventKinds.JobFinished ? "finished" : "failed";
                    return Ledger(state, at);
            }
        }

        Spend(Math.Max(cursor, through));
        return Ledger(state, Math.Max(cursor, through));
    }

    private static double? Processes(CoordinatorEvent happened) =>
        happened.Numbers?.TryGetValue("processes", out var said) == true || happened.Numbers?.TryGetValue("members", out said) == true
            ? said : null;

    private static string KindOf(CoordinatorEvent stopped) => stopped.Cause switch
    {
        GangFailure.GivenBack => LedgerCause.Power,
        GangFailure.Done or GangFailure.Cancelled => LedgerCause.Finish,
        var cause when GangFailure.IsWanted(cause) => LedgerCause.Maintenance,
        _ => LedgerCause.InfrastructureRecovery,
    };

    private void Spend(double at)
    {
        var ranks = cause == LedgerCause.Running ? running : wanted;
        account.Add(cause, ranks, at - cursor);
        if (cause == LedgerCause.Running)
            account.Add(LedgerCause.Capacity, wanted - running, at - cursor);
        cursor = at;
    }

    /// <summary>All processes run again.</summary>
    private void Recovered(double at, long? generation)
    {
        if (stopping is not var (since, stopped))
            return;
        incidents.Add(Describe(since, at, stopped) with { Generation = generation });
        (stopping, failure) = (null, null);
    }

    private Incident Describe(double since, double at, CoordinatorEvent stopped) => new()
    {
        At = from + TimeSpan.FromSeconds(since),
        Kind = KindOf(stopped),
        IsFailure = KindOf(stopped) == LedgerCause.InfrastructureRecovery,
        FirstCause = (failure ?? stopped).Text,
        Node = (failure ?? stopped).Node,
        Seconds = at - since,
        ResumeSeconds = at - since,
        RankSeconds = wanted * (at - since),
    };

    private JobLedger Ledger(string state, double through)
    {
        if (stopping is var (since, stopped) && KindOf(stopped) != LedgerCause.Finish)
            incidents.Add(Describe(since, through, stopped) with { GoesOn = true });
        return JobLedger.Of(job, from, through, through - (began ?? through), state, account, incidents);
    }
}
