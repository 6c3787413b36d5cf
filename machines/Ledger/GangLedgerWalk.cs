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
                    cause = happened.Cause == "done" ? LedgerCause.Finish : KindOf(stopping.Value.Event);
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
        "drained" => LedgerCause.Maintenance,
        "gpus given back" => LedgerCause.Power,
        "node stopped" => LedgerCause.Maintenance,
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
        if (stopping is var (since, stopped) && state is not "finished")
            incidents.Add(Describe(since, through, stopped) with { GoesOn = true });
        var failures = incidents.Where(incident => incident.IsFailure).ToArray();
        var recovered = failures.Where(incident => !incident.GoesOn).ToArray();
        var (total, lived) = (account.Total, through - (began ?? through));
        return new JobLedger
        {
            Job = job,
            From = from,
            Through = from + TimeSpan.FromSeconds(through),
            State = state,
            RankSeconds = total,
            Entries = account.Entries,
            Goodput = total > 0 ? account.Of(LedgerCause.Running) / total : 0,
            EffectiveTrainingTimeRatio = lived > 0 ? Math.Min(1, account.UsefulSeconds / lived) : 0,
            MeanSecondsToRecover = recovered.Length > 0 ? recovered.Average(incident => incident.Seconds) : null,
            MeanSecondsBetweenFailures = failures.Length > 0 ? lived / failures.Length : null,
            Steps = 0,
            UndoneSteps = 0,
            Incidents = incidents,
            Nodes = NodeLosses.Of(failures),
        };
    }
}
