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
    private ShardsDealt? dealt;
    private IReadOnlyList<ShardRun>? runs;
    private GenerationCuts? cuts;
    private (long Generation, TimeSpan At) asked;
    private (int Timeline, long Through) recorded;

    public void Take(ShardsDealt deal)
    {
        if (dealt is not null && (deal.Incarnation, deal.Generation).CompareTo((dealt.Incarnation, dealt.Generation)) <= 0)
            return;
        (dealt, runs, cuts) = (deal, null, null);
    }

    public ShardsDealt? DealOf(RankPlan plan) =>
        dealt is not null && (dealt.Incarnation, dealt.Generation) == (plan.Incarnation, plan.Generation) ? dealt : null;

    /// <summary>The whole deal, unfolded once for all ranks of the worker.</summary>
    /// <exception cref="FormatException">It is no deal for these members.</exception>
    public IReadOnlyList<ShardRun> RunsOf(ShardsDealt deal, Membership members, JobSpec spec)
    {
        if (deal.Base is { } start && start.RanksNow != members.Members.Count)
        {
            throw new FormatException(
                $"generation {deal.Generation} has {members.Members.Count} members and deals shards to {start.RanksNow}");
        }
        return runs ??= ShardDeal.Unfold(deal, spec.Training.Shards);
    }

    /// <summary>The maps of a generation, made once for all ranks of the worker.</summary>
    public GenerationCuts CutsOf(ShardsDealt deal, Membership members, JobSpec spec) =>
        cuts ??= GenerationCuts.Of(spec.Training.Shards, members.Members.Count, RunsOf(deal, members, spec));

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
