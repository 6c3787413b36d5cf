using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Parts;

namespace Coordinator.Machines.Ledger;

/// <summary>
/// What lies between the steps of two generations, by the events of those generations. An event belongs to it by its generation and not by
/// its time: a generation forms while the one before it may still apply a step.
/// </summary>
internal sealed class Interruption
{
    private readonly CoordinatorEvent[] excluded;
    private readonly CoordinatorEvent[] leaving;
    private readonly CoordinatorEvent[] came;
    private readonly CoordinatorEvent? restored;
    private readonly bool isPreparing;
    private readonly List<(double From, double Through)> waits = [];
    private readonly Generation[] formed;

    /// <summary>When the job had finished, before it was given more steps.</summary>
    private readonly double finish;

    /// <summary>Before the job's first step: when something failed first; else when it began.</summary>
    private readonly double failed;
    private readonly double sign;
    private readonly double form;
    private readonly double plan;

    /// <summary>Between two runs; without one before, the job's beginning; without a generation behind it, it goes on.</summary>
    public Interruption(
        Generations generations,
        StepRun? before,
        long? after,
        double begin,
        double end)
    {
        (Before, Begin, End) = (before, begin, end);
        var first = before?.Generation;
        formed = [.. generations.Between(first, after).Where(generation => generation.FormedAt is not null)];
        var own = generations.EventsOf(first, after).Where(stored => Belongs(stored.Event, first, after)).ToArray();
        excluded = [.. own.Where(stored => stored.Event.Kind == EventKinds.RankExcluded).Select(stored => stored.Event)];
        leaving = [.. own.Where(stored => stored.Event.Kind == EventKinds.RankLeaving).Select(stored => stored.Event)];
        came = [.. own.Where(stored => stored.Event.Kind == EventKinds.RankJoined).Select(stored => stored.Event)];
        restored = own.LastOrDefault(stored => stored.Event.Kind is EventKinds.CheckpointRestored or EventKinds.StateRegained).Event;
        isPreparing = own.Any(stored => stored.Event.Kind == EventKinds.RankPreparing);
        foreach (var (at, waiting) in own.Where(stored => stored.Event.Kind == EventKinds.JobWaiting))
        {
            if (waiting.Numbers?.ContainsKey("needs") == true)
            {
                // A wait that is told again is the same one.
                var until = Within(formed.FirstOrDefault(generation => generation.FormedAt > at)?.FormedAt ?? end);
                waits.Add((Math.Max(Within(at), waits.Count > 0 ? waits[^1].Through : 0), until));
            }
        }

        finish = own.Where(stored => stored.Event.Kind == EventKinds.JobFinished).Select(stored => Within(stored.At)).LastOrDefault(begin);
        failed = before is not null ? begin : own.Where(stored => stored.Event.Kind == EventKinds.RankExcluded)
            .Select(stored => Within(stored.At)).FirstOrDefault(End);
        var last = formed.LastOrDefault();
        var firstSeen = own.Where(stored => stored.Event.Kind is EventKinds.RankExcluded or EventKinds.GenerationForming
            or EventKinds.JobWaiting).Select(stored => (double?)stored.At).FirstOrDefault();
        sign = Math.Max(finish, Within(Earliest(last?.SignAt, firstSeen) ?? begin));
        form = Math.Max(sign, Within(last?.FormedAt ?? end));
        plan = Math.Max(form, Within(last?.PlannedAt ?? end));
        Kind = FindKind();
    }

    /// <summary>The run before it; null: it is the job's beginning.</summary>
    public StepRun? Before { get; }

    /// <summary>The end of the last step before it, s.</summary>
    public double Begin { get; }

    /// <summary>The end of the first step behind it, s.</summary>
    public double End { get; }

    /// <summary>The ledger's cause.</summary>
    public string Kind { get; }

    /// <summary>From the plans to the first step's end, s: that step's own time is in it.</summary>
    public double Resuming => End - plan;

    /// <summary>Whether it is one to tell of: a job's beginning is none, unless something failed in it.</summary>
    public bool IsIncident => Before is not null || excluded.Length > 0;

    /// <summary>When it began, s.</summary>
    public double Since => Math.Max(finish, failed);

    /// <summary>Who has left by it, and come.</summary>
    public void NoteMissing(MissingRanks missing)
    {
        foreach (var failure in excluded)
            missing.Leave(failure.Gpu, LedgerCause.Capacity);
        foreach (var left in leaving)
            missing.Leave(left.Gpu, KindOfLeaving(left));
        if (Kind == LedgerCause.Preparing)
            missing.Leave(null, LedgerCause.Preparing);
        foreach (var newcomer in came)
            missing.Come(newcomer.Gpu);
    }

    /// <summary>Its pieces, each with one cause, through a moment.</summary>
    public IEnumerable<(string Cause, double Begin, double End)> Pieces(double through)
    {
        double[] cuts =
        [
            .. new[] { Begin, finish, failed, sign, form, plan, through }
                .Concat(waits.SelectMany(wait => new[] { wait.From, wait.Through }))
                .Where(cut => cut >= Begin && cut <= through).Distinct().Order(),
        ];
        for (var at = 1; at < cuts.Length; at++)
            yield return (CauseAt((cuts[at - 1] + cuts[at]) / 2), cuts[at - 1], cuts[at]);
    }

    /// <summary>It in words and numbers, for what happened after the first step.</summary>
    public Incident Describe(DateTimeOffset from) => new()
    {
        At = from + TimeSpan.FromSeconds(Since),
        Kind = Kind,
        IsFailure = Kind == LedgerCause.InfrastructureRecovery,
        FirstCause = First?.Text ?? formed.FirstOrDefault()?.Cause ?? "not known",
        Node = First?.Node,
        Gpu = First?.Gpu,
        Step = Before?.LastStep,
        Generation = formed.LastOrDefault(generation => generation.Running is not null)?.Number,
        Followed =
        [
            .. excluded.Concat(leaving).Where(other => other != First && other.Gpu is not null)
                .Select(other => other.Gpu!.Value).Distinct(),
        ],
        DetectSeconds = Without(Since, sign),
        DecideSeconds = Without(Math.Max(Since, sign), form),
        ReconnectSeconds = Without(Math.Max(Since, form), plan),
        ResumeSeconds = Without(Math.Max(Since, plan), End),
        WaitSeconds = waits.Sum(wait => Math.Max(0, wait.Through - Math.Max(Since, wait.From))),
        Seconds = End - Since,
    };

    private CoordinatorEvent? First => excluded.FirstOrDefault() ?? leaving.FirstOrDefault();

    /// <summary>A membership's members are told of in it, and everything that speaks against one before the next is in force.</summary>
    private static bool Belongs(CoordinatorEvent happened, long? before, long? after) =>
        happened.Kind is EventKinds.RankExcluded or EventKinds.RankLeaving or EventKinds.JobFinished
            ? happened.Generation != after : happened.Generation != before;

    private string CauseAt(double at) => waits.Exists(wait => wait.From <= at && at < wait.Through) ? LedgerCause.Capacity
        : at < finish ? LedgerCause.Finish
        : Before is null && at < failed
            ? at < form ? LedgerCause.Capacity : at < plan ? LedgerCause.ProgramStartup : LedgerCause.TrainingPrep
        : restored is not null && at >= plan ? LedgerCause.CheckpointRestore
        : Kind;

    private string FindKind() => excluded.Length > 0 ? LedgerCause.InfrastructureRecovery : formed.FirstOrDefault()?.Cause switch
    {
        RecoveryReason.Leaves when leaving.Length > 0 => KindOfLeaving(leaving[0]),
        RecoveryReason.Leaves => LedgerCause.Maintenance,
        RecoveryReason.Joins or RecoveryReason.MoreSteps => LedgerCause.Rescale,
        RecoveryReason.Prepares => LedgerCause.Preparing,
        RecoveryReason.Parked or RecoveryReason.Unparked => LedgerCause.Power,
        null when isPreparing => LedgerCause.Preparing,
        _ => LedgerCause.InfrastructureRecovery,
    };

    private static string KindOfLeaving(CoordinatorEvent left) =>
        left.Cause == LeaveCause.GivenBack ? LedgerCause.Power : LedgerCause.Maintenance;

    private double Without(double from, double through) => Math.Max(
        0,
        through - from - waits.Sum(wait => Math.Max(0, Math.Min(through, wait.Through) - Math.Max(from, wait.From))));

    private double Within(double at) => Math.Clamp(at, Begin, Math.Max(Begin, End));

    private static double? Earliest(double? one, double? other) =>
        one is null ? other : other is null ? one : Math.Min(one.Value, other.Value);
}
