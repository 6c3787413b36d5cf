namespace Coordinator.Machines.Ledger;

/// <summary>
/// Where the rank-seconds of a job went. They are the ranks that it wants, from its submission to its end or to the moment of the account;
/// each has one cause, so the entries add up to the total. Computed from stored events and steps alone, so it can be made during a run and
/// after everything has died.
/// </summary>
public sealed record JobLedger
{
    /// <summary>The job.</summary>
    public required JobId Job { get; init; }

    /// <summary>When it was submitted.</summary>
    public required DateTimeOffset From { get; init; }

    /// <summary>Through when the account goes.</summary>
    public required DateTimeOffset Through { get; init; }

    /// <summary>How it ended: <c>finished</c>, <c>failed</c>; or <c>running</c>, <c>waiting</c>.</summary>
    public required string State { get; init; }

    /// <summary>All rank-seconds.</summary>
    public required double RankSeconds { get; init; }

    /// <summary>By cause, most first; causes that have nothing are left out.</summary>
    public required IReadOnlyList<LedgerEntry> Entries { get; init; }

    /// <summary>Productive rank-seconds by all, or those in which a gang's processes ran: 0 to 1.</summary>
    public required double Goodput { get; init; }

    /// <summary>
    /// Effective training time ratio: productive time by the time since the job first had enough gpus, whatever the number of ranks;
    /// 0 to 1.
    /// </summary>
    public required double EffectiveTrainingTimeRatio { get; init; }

    /// <summary>Mean time of a failure from the last step before it to the first one after it, s; null: none has passed.</summary>
    public double? MeanSecondsToRecover { get; init; }

    /// <summary>Mean time between failures since the job first had enough gpus, s; null: nothing failed.</summary>
    public double? MeanSecondsBetweenFailures { get; init; }

    /// <summary>
    /// Ideal step time with the newest number of ranks, ms: the mean of the steps at or under the median and three median absolute
    /// deviations. Null: no step was timed.
    /// </summary>
    public double? IdealStepMs { get; init; }

    /// <summary>Steps that the job has applied and that count.</summary>
    public required long Steps { get; init; }

    /// <summary>Steps that were applied and undone.</summary>
    public required long UndoneSteps { get; init; }

    /// <summary>What interrupted it, in order.</summary>
    public required IReadOnlyList<Incident> Incidents { get; init; }

    /// <summary>Nodes at which failures began, those that cost most first.</summary>
    public required IReadOnlyList<NodeLosses> Nodes { get; init; }

    /// <summary>What follows from an account and its incidents, for every kind of job alike.</summary>
    /// <param name="job">The job.</param>
    /// <param name="from">When it was submitted.</param>
    /// <param name="through">Through when the account goes, s since then.</param>
    /// <param name="lived">Of that, seconds since it first had enough gpus in which it wanted any.</param>
    /// <param name="state">How it stands.</param>
    /// <param name="account">The account.</param>
    /// <param name="incidents">What interrupted it.</param>
    internal static JobLedger Of(
        JobId job, DateTimeOffset from, double through, double lived, string state, Account account, IReadOnlyList<Incident> incidents)
    {
        var failures = incidents.Where(incident => incident.IsFailure).ToArray();
        var recovered = failures.Where(incident => !incident.GoesOn).ToArray();
        var total = account.Total;
        return new JobLedger
        {
            Job = job,
            From = from,
            Through = from + TimeSpan.FromSeconds(through),
            State = state,
            RankSeconds = total,
            Entries = account.Entries,
            Goodput = total > 0 ? (account.Of(LedgerCause.Productive) + account.Of(LedgerCause.Running)) / total : 0,
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

/// <summary>A line of the ledger.</summary>
/// <param name="Cause">One of <see cref="LedgerCause"/>.</param>
/// <param name="RankSeconds">Rank-seconds that went to it.</param>
/// <param name="Share">Of all, 0 to 1.</param>
public sealed record LedgerEntry(string Cause, double RankSeconds, double Share);

/// <summary>What failures that began at a node have cost.</summary>
/// <param name="Node">The node.</param>
/// <param name="Failures">Failures that began there.</param>
/// <param name="RankSeconds">Rank-seconds of the whole job that they cost.</param>
public sealed record NodeLosses(NodeId Node, int Failures, double RankSeconds)
{
    /// <summary>Of failures, by the node where each began.</summary>
    public static IReadOnlyList<NodeLosses> Of(IEnumerable<Incident> failures) =>
    [
        .. failures.Where(failure => failure.Node is not null).GroupBy(
            failure => failure.Node!.Value,
            (node, ofNode) => new NodeLosses(node, ofNode.Count(), ofNode.Sum(failure => failure.RankSeconds)))
            .OrderByDescending(node => node.RankSeconds),
    ];
}
