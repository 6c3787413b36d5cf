using Coordinator.Machines;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// One rank of an agent: what a rank says and when, without a device and without a collective. It promises, takes its plan, says that it
/// has applied its first step, and, as rank 0, reports every step until it is recorded. What is not answered it says again, as late as
/// <see cref="RankMachine"/> does. All members but those that the plane calls are guarded by the lock of its <see cref="AgentRanks"/>.
/// </summary>
/// <param name="owner">The agent's ranks.</param>
/// <param name="job">The job.</param>
/// <param name="gpu">The gpu.</param>
/// <param name="plane">The swarm's data plane.</param>
internal sealed class AgentRank(AgentRanks owner, AgentJob job, GpuId gpu, SwarmPlane plane)
{
    /// <summary>Most steps in a report, as a worker has it.</summary>
    private const int MaxBatch = 512;

    private readonly List<(long First, long Generation)> spans = [];
    private Phase phase;
    private long incarnation;
    private long generation;
    private int timeline;
    private int number;
    private int ranks;
    private bool hasState;
    private long applied;
    private long since;
    private long recorded;
    private bool advanced;
    private IReadOnlyList<ShardSpan> assigned = [];
    private PlaneGeneration? current;
    private TimeSpan repeatAt;
    private int repetitions;

    private enum Phase
    {
        /// <summary>No order, or released.</summary>
        Idle,

        /// <summary>It has promised, and waits for its plan.</summary>
        Promised,

        /// <summary>It has a plan.</summary>
        Planned,
    }

    /// <summary>The gpu.</summary>
    public GpuId Gpu => gpu;

    /// <summary>Where it is, for heartbeats; null: nowhere.</summary>
    public RankPosition? Position => phase == Phase.Idle ? null
        : new RankPosition(
            gpu.Index, job.Id, generation, Applying, phase == Phase.Promised ? "promised" : advanced ? "computing" : "resuming");

    /// <summary>The last step applied, now.</summary>
    private long Applying => current is null ? applied : plane.AppliedOf(current);

    /// <summary>Answers the question of a new generation, after what it knows of steps that are not recorded.</summary>
    public void Prepare(PrepareRank order, int rank, int count, TimeSpan now)
    {
        if (phase == Phase.Planned && (order.Incarnation, order.Generation) == (incarnation, generation))
            return; // Asked again behind the plan.
        StandStill();
        if (phase == Phase.Planned)
            assigned = advanced && job.Spec is { } spec ? AgentShards.Of(spec.Training.Shards, ranks, number) : [];
        (phase, incarnation, generation, number, ranks) = (Phase.Promised, order.Incarnation, order.Generation, rank, count);
        if (order.Timeline > timeline)
            (timeline, hasState) = (order.Timeline, false);
        NoteRecorded(order.RecordedThrough);
        (repetitions, repeatAt) = (0, now + RepeatPeriod);
        SayPromise();
    }

    /// <summary>Takes a plan: every way to its state is the matter of a moment here.</summary>
    public void Begin(RankPlan plan, TimeSpan now)
    {
        owner.Say(new PlanTaken { Job = job.Id, Generation = plan.Generation, Gpu = gpu });
        if (phase == Phase.Planned && (plan.Incarnation, plan.Generation) == (incarnation, generation))
        {
            if (advanced)
                SayAdvanced();
            return;
        }

        StandStill();
        if (!hasState || plan.CatchUp is not (CatchUp.None or CatchUp.ApplyReduced or CatchUp.FetchReduced))
        {
            since = plan.FirstStep;
            spans.Clear();
        }

        (phase, incarnation, generation, timeline, applied) = (
            Phase.Planned, plan.Incarnation, plan.Generation, plan.Timeline, plan.FirstStep - 1);
        (hasState, advanced) = (true, false);
        spans.Add((plan.FirstStep, plan.Generation));
        NoteRecorded(plan.RecordedThrough);
        current = plane.Join(this, plan, ranks, now);
    }

    /// <summary>Is no member any more.</summary>
    public void Release(ReleaseRank order)
    {
        StandStill();
        (phase, incarnation, generation) = (Phase.Idle, order.Incarnation, order.Generation);
        if (order.Forget)
            hasState = false;
    }

    /// <summary>The process is gone, and what it knew.</summary>
    public void StandStill()
    {
        if (current is null)
            return;
        applied = plane.Leave(current);
        current = null;
    }

    /// <summary>The job has recorded steps.</summary>
    public void NoteRecorded(long through)
    {
        recorded = Math.Max(recorded, through);
        while (spans.Count > 1 && spans[1].First <= recorded + 1)
            spans.RemoveAt(0);
    }

    /// <summary>There is a new connection: what was said before may be lost.</summary>
    public void SayAgain(TimeSpan now)
    {
        repetitions = 0;
        if (phase == Phase.Promised)
        {
            repeatAt = now + RepeatPeriod;
            SayPromise();
        }
        else if (phase == Phase.Planned && number == 0)
        {
            SaySteps(generation);
        }
    }

    /// <summary>What is due to be said again.</summary>
    public void Repeat(TimeSpan now)
    {
        if (phase != Phase.Promised || now < repeatAt)
            return;
        repetitions++;
        repeatAt = now + RepeatPeriod;
        SayPromise();
    }

    /// <summary>From the plane: all ranks of the generation have applied a step.</summary>
    public void Applied(PlaneGeneration of, long step)
    {
        lock (owner.Gate)
        {
            if (current != of)
                return;
            if (number == 0)
                SaySteps(generation);
            if (step > of.FirstStep)
                return;
            advanced = true;
            SayAdvanced();
        }
    }

    /// <summary>From the plane: the link to a node broke.</summary>
    public void Accuse(NodeId lost, long inGeneration)
    {
        lock (owner.Gate)
        {
            if (generation == inGeneration && phase == Phase.Planned)
                job.Accuse(lost, inGeneration);
        }
    }

    private TimeSpan RepeatPeriod => TimeSpan.FromMilliseconds(Math.Max(500, 0.5 * ranks)) * (1 << Math.Min(repetitions, 3));

    private void SayPromise()
    {
        SaySteps(generation);
        owner.Say(new RankState
        {
            Job = job.Id,
            Generation = generation,
            Gpu = gpu,
            Boot = owner.Boot,
            HasState = hasState,
            Timeline = timeline,
            Applied = hasState ? applied : 0,
            RecordedThrough = recorded,
            StateBlocks = 1,
            Reduced = hasState && applied > 0 ? [new TagRun(0, 1, applied)] : [],
            Assigned = hasState ? assigned : [],
        });
    }

    private void SayAdvanced() => owner.Say(new RankAdvanced { Job = job.Id, Generation = generation, Gpu = gpu, Step = spans[^1].First });

    /// <summary>Steps that are not known to be recorded, where this rank has them from the first one on.</summary>
    private void SaySteps(long within)
    {
        var last = Applying;
        if (!hasState || last <= recorded || since > recorded + 1)
            return;
        List<StepRecord> steps = [];
        for (var step = recorded + 1; step <= last && steps.Count < MaxBatch; step++)
            steps.Add(new StepRecord(step, spans.Last(span => span.First <= step).Generation, 1, 1, plane.StepTime.TotalMilliseconds, 1));
        if (current is not null)
            owner.Counts.StepSaid(last);
        owner.Say(new StepsApplied { Job = job.Id, Generation = within, Timeline = timeline, Steps = steps });
    }
}
