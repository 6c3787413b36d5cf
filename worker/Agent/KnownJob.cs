using Coordinator.Machines;
using Coordinator.Machines.Jobs;

namespace Coordinator.Worker.Agent;

/// <summary>What a worker knows of a job that its ranks are of. Used under the lock of <see cref="NodeRanks"/>.</summary>
internal sealed class KnownJob(JobId id)
{
    private static readonly TimeSpan AskPause = TimeSpan.FromMilliseconds(100);

    public JobId Id { get; } = id;

    public JobSpec? Spec { get; set; }

    public Membership? Members { get; set; }

    public SortedDictionary<GpuId, RankSlot> Slots { get; } = [];

    /// <summary>What the plans of the newest generation share.</summary>
    private ShardsAssigned? assigned;
    private IReadOnlyList<ShardRun>? runs;
    private GenerationCuts? cuts;
    private (long Generation, TimeSpan At) asked;
    private (int Timeline, long Through) recorded;

    public void Take(ShardsAssigned assignment)
    {
        if (assigned is not null
            && (assignment.Incarnation, assignment.Generation).CompareTo((assigned.Incarnation, assigned.Generation)) <= 0)
        {
            return;
        }
        (assigned, runs, cuts) = (assignment, null, null);
    }

    public ShardsAssigned? AssignmentOf(RankPlan plan) =>
        assigned is not null && (assigned.Incarnation, assigned.Generation) == (plan.Incarnation, plan.Generation) ? assigned : null;

    /// <summary>The whole assignment, unfolded once for all ranks of the worker.</summary>
    /// <exception cref="FormatException">It is no assignment for these members.</exception>
    public IReadOnlyList<ShardRun> RunsOf(ShardsAssigned assignment, Membership members, JobSpec spec)
    {
        if (assignment.Base is { } start && start.RanksNow != members.Members.Count)
        {
            throw new FormatException(
                $"generation {assignment.Generation} has {members.Members.Count} members and assignments shards to {start.RanksNow}");
        }
        return runs ??= ShardAssignment.Unfold(assignment, spec.Training.Shards);
    }

    /// <summary>The maps of a generation, made once for all ranks of the worker.</summary>
    public GenerationCuts CutsOf(ShardsAssigned assignment, Membership members, JobSpec spec) =>
        cuts ??= GenerationCuts.Of(spec.Training.Shards, members.Members.Count, RunsOf(assignment, members, spec));

    /// <summary>Whether the generation's membership was not asked for just now.</summary>
    public bool MayAsk(long generation)
    {
        if (asked.Generation == generation && Monotonic.Now < asked.At + AskPause)
            return false;
        asked = (generation, Monotonic.Now);
        return true;
    }

    /// <summary>Whether the ranks have not been told so far already. Whatever comes for each of them is told to all.</summary>
    public bool IsNews(StepsRecorded now)
    {
        if (now.Timeline == recorded.Timeline && now.Through <= recorded.Through)
            return false;
        recorded = (now.Timeline, now.Through);
        return true;
    }
}
