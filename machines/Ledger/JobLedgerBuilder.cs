namespace Coordinator.Machines.Ledger;

/// <summary>
/// Makes a training job's ledger from what is stored. The steps tile the time in which the job trains; what lies between two generations'
/// steps is an interruption, and the events say of what kind. Times of several silos are compared, so their clocks are to agree as well as
/// a recovery is to be measured.
/// </summary>
public sealed class JobLedgerBuilder(JobId job)
{
    private readonly List<HistoryEvent> events = [];
    private readonly StepRuns runs = new();

    /// <summary>An event, in the order of storing. Those of others, and those before the job's submission, are left out.</summary>
    public void Add(HistoryEvent happened)
    {
        if (happened.Event.Job != job || (events.Count == 0 && happened.Event.Kind != EventKinds.JobSubmitted))
            return;
        events.Add(happened);
        runs.Add(happened.Event);
    }

    /// <summary>A step of the job, in the order of recording.</summary>
    public void Add(HistoryStep step) => runs.Add(step);

    /// <summary>The ledger; null: the events do not tell of the job's submission.</summary>
    /// <param name="now">Through when a job that has not ended is accounted for.</param>
    public JobLedger? Build(DateTimeOffset now) => events.Count == 0 ? null
        : IsGang ? new GangLedgerWalk(job, events).Build(now)
        : new JobLedgerWalk(job, events, runs).Build(now);

    private bool IsGang => events[0].Event.Numbers?.ContainsKey("processes") == true
        || events.Exists(happened => happened.Event.Kind is EventKinds.GangStopping or EventKinds.GangFailure);
}
