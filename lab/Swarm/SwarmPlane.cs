using Coordinator.Machines;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// Stands for the data plane between the agents, which compute nothing: a step of a generation is complete a step's time after the one
/// before, when every rank has taken its plan, and never again once a rank of it is gone or has promised to stand still. So all ranks of a
/// generation are at the same step, as ranks in lockstep are. A node that dies is noticed by the nodes to which it has links, its
/// neighbours in rank order. The plane knows who is there and how far; what a membership is, each agent has from its own bytes.
/// </summary>
/// <param name="stepTime">Time of a step.</param>
/// <param name="links">Nodes that a node has a link to.</param>
/// <param name="complain">Told what must not be: two agents that disagree.</param>
public sealed class SwarmPlane(TimeSpan stepTime, int links, Action<string> complain)
{
    private readonly Lock gate = new();
    private readonly Dictionary<JobId, PlaneGeneration> generations = [];

    /// <summary>Time of a step.</summary>
    public TimeSpan StepTime => stepTime;

    /// <summary>Steps that all ranks of a job's newest generation have applied; 0: none.</summary>
    public long AppliedOf(JobId job)
    {
        lock (gate)
            return generations.TryGetValue(job, out var current) ? current.Applied : 0;
    }

    /// <summary>Whether all ranks of a generation have applied a step in it.</summary>
    public bool IsRunning(JobId job, long generation)
    {
        lock (gate)
        {
            return generations.TryGetValue(job, out var current)
                && current.Generation == generation
                && current.Applied >= current.FirstStep;
        }
    }

    /// <summary>Goes on with all generations that can; called every few milliseconds.</summary>
    public void Tick(TimeSpan now)
    {
        List<(PlaneGeneration Of, long Step)> done = [];
        lock (gate)
        {
            foreach (var current in generations.Values)
            {
                if (!current.IsBroken && now >= current.NextStep)
                    done.Add((current, current.Step(now, stepTime)));
            }
        }

        foreach (var (current, step) in done)
        {
            // The others have nothing to say of a later step.
            if (step > current.FirstStep)
            {
                current.Joined[0]?.Applied(current, step);
            }
            else
            {
                foreach (var rank in current.Joined)
                    rank?.Applied(current, step);
            }
        }
    }

    /// <summary>A rank has taken its plan.</summary>
    /// <param name="rank">The rank.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="ranks">Members by its own membership.</param>
    /// <param name="now">Monotonic time.</param>
    /// <returns>Its generation; null: what was told does not fit what others were told.</returns>
    internal PlaneGeneration? Join(AgentRank rank, RankPlan plan, int ranks, TimeSpan now)
    {
        lock (gate)
        {
            if (!generations.TryGetValue(plan.Job, out var current) || current.Generation < plan.Generation)
                generations[plan.Job] = current = new PlaneGeneration(plan.Job, plan.Generation, plan.FirstStep, ranks);
            if (current.Generation > plan.Generation)
                return null;
            if (current.FirstStep != plan.FirstStep
                || current.Joined.Count != ranks
                || (current.Joined[plan.Rank] is { } other && other != rank))
            {
                complain($"{plan.Gpu} begins generation {plan.Generation} of {ranks} as rank {plan.Rank} with step {plan.FirstStep}, "
                    + $"others one of {current.Joined.Count} with step {current.FirstStep}");
                return null;
            }

            current.Join(rank, plan.Rank, now, stepTime);
            return current;
        }
    }

    /// <summary>A rank applies nothing more in its generation.</summary>
    /// <returns>The last step that it applied.</returns>
    internal long Leave(PlaneGeneration current)
    {
        lock (gate)
        {
            current.IsBroken = true;
            return current.Applied;
        }
    }

    /// <summary>The last step that the ranks of a generation have applied.</summary>
    internal long AppliedOf(PlaneGeneration current)
    {
        lock (gate)
            return current.Applied;
    }

    /// <summary>Processes are gone: their generations stand still, and their neighbours say so.</summary>
    /// <param name="dead">The nodes; their agents have stopped already.</param>
    public void Lose(IReadOnlyCollection<NodeId> dead)
    {
        List<(AgentRank Witness, NodeId Lost, long Generation)> seen = [];
        lock (gate)
        {
            foreach (var current in generations.Values)
            {
                for (var rank = 0; rank < current.Joined.Count; rank++)
                {
                    if (current.Joined[rank] is not { } lost || !dead.Contains(lost.Gpu.Node))
                        continue;
                    current.IsBroken = true;
                    seen.AddRange(Neighbours(current, rank, dead).Select(witness => (witness, lost.Gpu.Node, current.Generation)));
                }
            }
        }

        foreach (var (witness, lost, generation) in seen.Distinct())
            witness.Accuse(lost, generation);
    }

    /// <summary>The nearest ranks of other nodes, half of them on each side, those that are left.</summary>
    private List<AgentRank> Neighbours(PlaneGeneration current, int rank, IReadOnlyCollection<NodeId> dead)
    {
        List<AgentRank> neighbours = [];
        var own = current.Joined[rank]!.Gpu.Node;
        foreach (var way in (ReadOnlySpan<int>)[1, -1])
        {
            NodeId? last = null;
            var found = 0;
            for (var step = 1; step < current.Joined.Count && found < (links + 1) / 2; step++)
            {
                var at = (((rank + (way * step)) % current.Joined.Count) + current.Joined.Count) % current.Joined.Count;
                if (current.Joined[at] is not { } other || other.Gpu.Node == own || other.Gpu.Node == last || dead.Contains(other.Gpu.Node))
                    continue;
                found++;
                last = other.Gpu.Node;
                neighbours.Add(other);
            }
        }

        return neighbours;
    }
}
