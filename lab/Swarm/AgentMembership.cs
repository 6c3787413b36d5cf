using System.Diagnostics;
using System.Numerics;
using Coordinator.Machines;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// A job's membership as one agent knows it, made from its own bytes alone: the generation, the head of the hash chain, and a bit for each
/// gpu of the swarm. Each change is checked as a worker checks it, by <see cref="Membership.After"/>: a change that does not follow from
/// the hash that this agent holds is not taken. That hash needs the change and the hash before it, and not the members, so the bits are
/// enough.
/// </summary>
/// <param name="shape">The swarm, for the numbers of its gpus.</param>
/// <param name="job">The job.</param>
public sealed class AgentMembership(SwarmShape shape, JobId job)
{
    private static readonly string NoHash = Membership.None(default).Hash;

    private readonly ulong[] members = new ulong[shape.Words];

    /// <summary>Generation; 0: none known.</summary>
    public long Generation { get; private set; }

    /// <summary>Head of the hash chain, as this agent computed it from the last change.</summary>
    public string Hash { get; private set; } = NoHash;

    /// <summary>Members.</summary>
    public int Count { get; private set; }

    /// <summary>When the generation was taken, by <see cref="Stopwatch.GetTimestamp"/>.</summary>
    public long HeldAt { get; private set; }

    /// <summary>Takes a change; one to a generation that is known already, or to an older one, says nothing new.</summary>
    /// <returns>False: the change does not start from what this agent holds, or its hash does not follow; the whole membership is
    /// needed.</returns>
    /// <exception cref="FormatException">The change names a gpu that is none of the swarm's.</exception>
    public bool Take(MembershipChange change)
    {
        if (change.ToGeneration <= Generation)
            return true;
        var isWhole = change.FromGeneration == 0;

        // A whole membership starts the chain anew, as for a worker, which cannot know the hashes before it either.
        if (!isWhole && new Membership { Job = job, Generation = Generation, Members = [], Hash = Hash }.After(change) is null)
            return false;
        if (isWhole)
            Array.Clear(members);
        foreach (var gpu in change.Removed)
            Set(gpu, false);
        if (change.Added is GpuSet set)
        {
            set.Bits.CopyTo(members);
        }
        else
        {
            foreach (var member in change.Added)
                Set(member.Gpu, true);
        }
        Count = 0;
        foreach (var word in members)
            Count += BitOperations.PopCount(word);
        (Generation, Hash, HeldAt) = (change.ToGeneration, change.Hash, Stopwatch.GetTimestamp());
        return true;
    }

    /// <summary>Rank of a gpu: its place among the members. -1: it is none.</summary>
    public int RankOf(GpuId gpu)
    {
        var number = shape.NumberOf(gpu);
        if ((members[number / 64] >> (number % 64) & 1) == 0)
            return -1;
        var rank = BitOperations.PopCount(members[number / 64] & ((1UL << (number % 64)) - 1));
        for (var word = 0; word < number / 64; word++)
            rank += BitOperations.PopCount(members[word]);
        return rank;
    }

    /// <summary>Whether a node has a member.</summary>
    /// <param name="node">The node, from 0.</param>
    public bool HasNode(int node)
    {
        for (var number = node * shape.GpusPerNode; number < (node + 1) * shape.GpusPerNode; number++)
        {
            if ((members[number / 64] >> (number % 64) & 1) != 0)
                return true;
        }

        return false;
    }

    private void Set(GpuId gpu, bool isMember)
    {
        var number = shape.NumberOf(gpu);
        var bit = 1UL << (number % 64);
        members[number / 64] = isMember ? members[number / 64] | bit : members[number / 64] & ~bit;
    }
}
