using Coordinator.Machines;
using Coordinator.Machines.Jobs;

namespace Coordinator.Lab.Swarm;

/// <summary>What an agent knows of one job. Guarded by the lock of its <see cref="AgentRanks"/>.</summary>
internal sealed class AgentJob(AgentRanks owner, SwarmShape shape, JobId id)
{
    private static readonly TimeSpan RepeatPeriod = TimeSpan.FromSeconds(2);

    private readonly List<PeerAccused> accusations = [];
    private TimeSpan repeatAt;

    public JobId Id => id;

    public AgentMembership Membership { get; } = new(shape, id);

    public JobSpec? Spec { get; set; }

    /// <summary>The (incarnation, generation) of the last assignment that came. Its runs are of no use here.</summary>
    public (long Incarnation, long Generation) Assigned { get; set; }

    /// <summary>By index of the gpu.</summary>
    public SortedDictionary<int, AgentRank> Ranks { get; } = [];

    /// <summary>Says that a link broke, once for all ranks of the node, and again until a newer generation is prepared.</summary>
    public void Accuse(NodeId lost, long generation)
    {
        if (accusations.Any(known => known.Accused == lost && known.Generation == generation))
            return;
        accusations.Add(new PeerAccused
        {
            Job = id,
            Generation = generation,
            Accuser = owner.Node,
            Accused = lost,
            Evidence = Evidence.ConnectionClosed,
        });
        owner.Say(accusations[^1]);
    }

    /// <summary>A newer generation is prepared: what was said of older ones has lapsed.</summary>
    public void ForgetAccusations(long generation) => accusations.RemoveAll(known => known.Generation < generation);

    /// <summary>What is due to be said again.</summary>
    public void Repeat(TimeSpan now)
    {
        foreach (var rank in Ranks.Values)
            rank.Repeat(now);
        if (accusations.Count == 0 || now < repeatAt)
            return;
        repeatAt = now + RepeatPeriod;
        foreach (var accusation in accusations)
            owner.Say(accusation);
    }
}
