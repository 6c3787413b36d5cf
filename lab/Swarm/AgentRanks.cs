using Coordinator.Machines;
using Coordinator.Worker.Agent;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// What an agent makes of what the silo says, as <see cref="NodeRanks"/> does in a worker: the same fence refuses what is older than
/// something obeyed, memberships come before the orders that rest on them, and what rests on one that is not known is answered with
/// <see cref="MembershipUnknown"/>. Lives as long as the agent's process: a process that starts again knows nothing.
/// </summary>
/// <param name="shape">The swarm.</param>
/// <param name="node">The agent's node.</param>
/// <param name="boot">Its process, as in <see cref="WorkerSession.Boot"/>.</param>
/// <param name="plane">The swarm's data plane.</param>
/// <param name="counts">The swarm's counts.</param>
/// <param name="say">Takes what is to be said, in order; it must not block.</param>
public sealed class AgentRanks(SwarmShape shape, NodeId node, long boot, SwarmPlane plane, SwarmCounts counts, Action<WorkerMessage> say)
{
    private readonly Dictionary<JobId, AgentJob> jobs = [];
    private readonly OrderFence fence = new();

    /// <summary>The node.</summary>
    public NodeId Node => node;

    /// <summary>The process.</summary>
    public long Boot => boot;

    /// <summary>
    /// Whether it lets changes of a membership pass by and obeys the orders that rest on them all the same: a defect, to show that it is
    /// noticed.
    /// </summary>
    public bool SkipsGenerations { get; set; }

    /// <summary>Guards everything here.</summary>
    internal Lock Gate { get; } = new();

    /// <summary>The swarm's counts.</summary>
    internal SwarmCounts Counts => counts;

    /// <summary>Where every rank is, for heartbeats.</summary>
    public IReadOnlyList<RankPosition> Positions
    {
        get
        {
            lock (Gate)
            {
                if (jobs.Count == 0)
                    return [];
                List<RankPosition> positions = [];
                foreach (var job in jobs.Values)
                {
                    foreach (var rank in job.Ranks.Values)
                    {
                        if (rank.Position is { } position)
                            positions.Add(position);
                    }
                }

                return positions;
            }
        }
    }

    /// <summary>The generation of a job that this agent holds; one of number 0 where it holds none.</summary>
    public HeldGeneration HeldOf(JobId job)
    {
        lock (Gate)
        {
            return jobs.TryGetValue(job, out var known) ? new HeldGeneration(
                known.Membership.Generation, known.Membership.Hash, known.Membership.Count, known.Membership.HeldAt) : HeldGeneration.None;
        }
    }

    /// <summary>Whether a node has a member in the membership that this agent holds.</summary>
    public bool Includes(JobId job, int other)
    {
        lock (Gate)
            return jobs.TryGetValue(job, out var known) && known.Membership.HasNode(other);
    }

    /// <summary>Does what the silo says.</summary>
    /// <exception cref="FormatException">The message speaks of gpus that are none of the swarm's.</exception>
    public void Hear(CoordinatorMessage message, TimeSpan now)
    {
        lock (Gate)
        {
            switch (message)
            {
                case MembershipChanged changed:
                    Change(changed.Change);
                    break;
                case ShardsAssigned assignment when fence.WhyRefused(assignment.Job, assignment.Incarnation) is null:
                    JobOf(assignment.Job).Assigned = (assignment.Incarnation, assignment.Generation);
                    break;
                case RankOrdered ordered:
                    Obey(ordered.Order, now);
                    break;
                case StepsRecorded recorded when jobs.TryGetValue(recorded.Job, out var job):
                    counts.StepRecorded(recorded.Through);
                    foreach (var rank in job.Ranks.Values)
                        rank.NoteRecorded(recorded.Through);
                    break;
            }
        }
    }

    /// <summary>There is a new connection to a silo.</summary>
    public void SiloReached(TimeSpan now)
    {
        lock (Gate)
        {
            foreach (var rank in jobs.Values.SelectMany(job => job.Ranks.Values))
                rank.SayAgain(now);
        }
    }

    /// <summary>Says again what is due.</summary>
    public void Repeat(TimeSpan now)
    {
        lock (Gate)
        {
            foreach (var job in jobs.Values)
                job.Repeat(now);
        }
    }

    /// <summary>The process is gone: nothing is said or applied any more.</summary>
    public void Stop()
    {
        lock (Gate)
        {
            foreach (var rank in jobs.Values.SelectMany(job => job.Ranks.Values))
                rank.StandStill();
        }
    }

    internal void Say(WorkerMessage message) => say(message);

    private AgentJob JobOf(JobId job) => jobs.TryGetValue(job, out var known) ? known : jobs[job] = new AgentJob(this, shape, job);

    private void Change(MembershipChange change)
    {
        if (fence.WhyRefused(change.Job, change.Incarnation) is not null)
            return;
        var job = JobOf(change.Job);
        if (SkipsGenerations && job.Membership.Generation > 0)
            return;
        var spec = change.Spec ?? job.Spec;
        if (spec is null || !job.Membership.Take(change))
        {
            Say(new MembershipUnknown { Job = change.Job, Generation = change.ToGeneration, Node = node });
            return;
        }

        fence.Heed(change.Job, change.Incarnation);
        job.Spec = spec;
    }

    private void Obey(RankOrder order, TimeSpan now)
    {
        if (order.Gpu.Node != node || order.Gpu.Index >= shape.GpusPerNode || fence.WhyRefused(order) is not null)
            return;
        var job = JobOf(order.Job);
        if (order is ReleaseRank release)
        {
            fence.Obey(order);
            if (job.Ranks.TryGetValue(order.Gpu.Index, out var released))
                released.Release(release);
            Say(new RankReleased { Job = order.Job, Generation = order.Generation, Gpu = order.Gpu, Forgot = release.Forget });
            return;
        }

        if (job.Membership.Generation < order.Generation && !(SkipsGenerations && job.Membership.Generation > 0))
        {
            Say(new MembershipUnknown { Job = order.Job, Generation = order.Generation, Node = node });
            return;
        }

        var number = job.Membership.RankOf(order.Gpu);
        if (job.Membership.Generation > order.Generation || number < 0)
            return;
        if (order is RankPlan { FirstStepShards.Count: 0 } && job.Assigned != (order.Incarnation, order.Generation))
            return; // The job repeats both.
        fence.Obey(order);
        if (!job.Ranks.TryGetValue(order.Gpu.Index, out var rank))
            job.Ranks.Add(order.Gpu.Index, rank = new AgentRank(this, job, order.Gpu, plane));
        job.ForgetAccusations(order.Generation);
        switch (order)
        {
            case PrepareRank prepare:
                rank.Prepare(prepare, number, job.Membership.Count, now);
                break;
            case RankPlan plan when plan.Rank != number && !SkipsGenerations:
                counts.Complain(
                    $"{plan.Gpu} is rank {plan.Rank} by its plan of generation {plan.Generation}, and {number} by its own membership");
                break;
            case RankPlan plan:
                rank.Begin(plan, now);
                break;
        }
    }
}
