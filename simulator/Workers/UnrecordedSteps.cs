using Coordinator.Machines;

namespace Coordinator.Simulator.Workers;

/// <summary>
/// Keeps a rank's records of applied steps until the coordinator has them. Rank 0 reports each step as it comes; the others keep
/// theirs, since rank 0 may die with its own, and whoever holds unacknowledged ones says so under each new plan and from time to time.
/// </summary>
internal sealed class UnrecordedSteps(SimulatedWorker process, SimulatedRank rank)
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    private readonly SortedDictionary<long, StepRecord> kept = [];
    private int timeline;
    private RankPlan? plan;
    private TimeSpan lastApplied;
    private bool armed;

    public void OnPlan(RankPlan ranked)
    {
        plan = ranked;
        if (kept.Count == 0)
            timeline = ranked.Timeline;
        OnRecorded(ranked.Timeline, ranked.RecordedThrough);
        Send(ranked.Generation);
    }

    /// <summary>The job counts on hearing what a member knows before the member's answer.</summary>
    public void OnPrepare(PrepareRank prepare)
    {
        OnRecorded(prepare.Timeline, prepare.RecordedThrough);
        Send(prepare.Generation);
    }

    public void OnApplied(ApplyStep apply, Score score, double squares)
    {
        // What an older timeline left is kept until a step of the newer one is there.
        if (plan is { } by && by.Timeline != timeline)
        {
            kept.Clear();
            timeline = by.Timeline;
        }

        var milliseconds = lastApplied == default ? 0 : (process.Clock - lastApplied).TotalMilliseconds;
        lastApplied = process.Clock;
        kept[apply.Step] = new StepRecord(
            apply.Step, apply.Generation, score.Loss / score.Targets, Math.Sqrt(squares) / score.Targets, milliseconds, score.Targets);
        Arm();
    }

    public void SendNew(long generation)
    {
        if (plan?.Rank == 0)
            Send(generation);
    }

    public void OnRecorded(int ofTimeline, long through)
    {
        if (ofTimeline != timeline)
            return;
        foreach (var step in kept.Keys.Where(step => step <= through).ToArray())
            kept.Remove(step);
    }

    public void Repeat() => Send(rank.Generation);

    private void Send(long generation)
    {
        if (kept.Count > 0)
            process.Agent.Say(new StepsApplied { Job = rank.Job, Generation = generation, Timeline = timeline, Steps = [.. kept.Values] });
    }

    private void Arm()
    {
        if (armed)
            return;
        armed = true;
        process.Post(Period, () =>
        {
            armed = false;
            if (kept.Count == 0)
                return;
            Send(rank.Generation);
            Arm();
        }, timer: true);
    }
}
