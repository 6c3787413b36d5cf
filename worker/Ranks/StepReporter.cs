using Coordinator.Machines;

namespace Coordinator.Worker.Ranks;

/// <summary>
/// Reports applied steps to the job until they are recorded. In a generation the rank 0 reports, every <see cref="Period"/> or as
/// soon as <see cref="EagerCount"/> wait, always from its first unrecorded step. The other ranks report, as the generation begins, what
/// they applied before it: a rank 0 that came anew has no records of that, and waits <see cref="GapPatience"/> with its own, since
/// the job takes the first report after a gap as the end of the gap.
/// Between a promise and the plan nobody reports, but with the promise itself: the job does not plan before it has recorded all that
/// any member has applied, and whoever reported to it may be the one that died.
/// </summary>
public sealed class StepReporter(JobId job, long steps)
{
    /// <summary>Time between reports.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(250);

    /// <summary>Time after which a rank other than 0 repeats what nobody has recorded.</summary>
    public static readonly TimeSpan BacklogPeriod = TimeSpan.FromMilliseconds(300);

    /// <summary>New steps that are reported at once.</summary>
    public const int EagerCount = 64;

    /// <summary>Most steps in a report; the next goes out when it is recorded.</summary>
    public const int MaxBatch = 512;

    /// <summary>How long rank 0 waits for others to report the steps before its own first.</summary>
    public static readonly TimeSpan GapPatience = TimeSpan.FromSeconds(1);

    private RankPlan? plan;
    private (int Timeline, long Recorded) entered;
    private TimeSpan notBefore;
    private TimeSpan gapUntil;
    private long reportedThrough;
    private long cutAt;

    /// <summary>What was applied and is not recorded yet.</summary>
    public StepLog Log { get; } = new();

    /// <summary>When to ask <see cref="Due"/> next; null: when something happens.</summary>
    public TimeSpan? NextDue => plan is null || !IsWaiting ? null : HasUrgent ? TimeSpan.Zero : notBefore;

    private long LastStep => plan!.LastStep ?? steps;

    private bool HasUrgent => plan!.Rank == 0 && Log.Timeline == plan.Timeline && (
        Log.Last - reportedThrough >= EagerCount || (Log.Last == LastStep && reportedThrough < LastStep));

    /// <summary>A plan came into force.</summary>
    public void Begin(RankPlan ranked, TimeSpan now)
    {
        // What an older timeline left is kept until a step of the newer one is there: it may be all that is left of those steps.
        entered = (ranked.Timeline, ranked.RecordedThrough);
        Log.Take(ranked.Timeline, ranked.RecordedThrough);
        if (Log.Count == 0)
            EnterTimeline();
        if (plan is { } old && (old.Generation, old.Incarnation) == (ranked.Generation, ranked.Incarnation))
            return;
        plan = ranked;
        reportedThrough = 0;
        gapUntil = now + GapPatience;
        notBefore = now + (ranked.Rank == 0 ? Period : TimeSpan.FromMilliseconds(Math.Min(ranked.Rank, 250) - 1));
    }

    /// <summary>A step was applied under the newest plan.</summary>
    public void Applied(StepRecord record)
    {
        EnterTimeline();
        Log.Add(record);
    }

    /// <summary>The coordinator has the timeline's steps up to <paramref name="through"/>.</summary>
    public void Recorded(int timeline, long through)
    {
        Log.Take(timeline, through);
        if (Log.Count == 0)
            EnterTimeline();
        if (timeline != Log.Timeline || cutAt == 0 || through < cutAt)
            return;
        reportedThrough = cutAt;
        cutAt = 0;
    }

    /// <summary>
    /// What is to be said before the answer to an order to prepare: the steps behind those that the job has. A rank that came later, and
    /// does not know the first of them, leaves it to others.
    /// </summary>
    public StepsApplied? BeforeAnswer(RankState answer)
    {
        if (Log.Timeline != answer.Timeline || Log.Count == 0 || Log.First > Log.Recorded + 1)
            return null;
        return new StepsApplied { Job = job, Generation = answer.Generation, Timeline = Log.Timeline, Steps = Log.Oldest(MaxBatch) };
    }

    /// <summary>No plan is in force.</summary>
    public void Suspend() => plan = null;

    /// <summary>There is a new connection to a silo: whatever was said before may be lost.</summary>
    public void Again(TimeSpan now)
    {
        reportedThrough = 0;
        gapUntil = now + GapPatience;
        notBefore = now;
    }

    /// <summary>The report that is due, or null.</summary>
    public StepsApplied? Due(TimeSpan now)
    {
        if (plan is null || (now < notBefore && !HasUrgent))
            return null;
        var steps = IsWaiting ? Waiting() : [];
        if (steps.Count == 0)
            return null;
        if (plan.Rank == 0 && Log.First > Log.Recorded + 1 && now < gapUntil)
        {
            notBefore = now + Period;
            reportedThrough = Log.Last;
            return null;
        }

        notBefore = now + (plan.Rank == 0 ? Period : BacklogPeriod);
        cutAt = steps[^1].Step < Log.Last && plan.Rank == 0 ? steps[^1].Step : 0;
        reportedThrough = Log.Last;
        return new StepsApplied { Job = job, Generation = plan.Generation, Timeline = Log.Timeline, Steps = steps };
    }

    private void EnterTimeline()
    {
        Log.Enter(entered.Timeline);
        Log.Take(entered.Timeline, entered.Recorded);
    }

    private bool IsWaiting => Log.Count > 0 && Log.Timeline == plan!.Timeline && (plan!.Rank == 0 || Log.First < plan.FirstStep);

    private IReadOnlyList<StepRecord> Waiting() => Log.Oldest(MaxBatch, plan!.Rank == 0 ? long.MaxValue : plan.FirstStep - 1);
}
