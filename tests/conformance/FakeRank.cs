using Coordinator.Machines;

namespace Coordinator.Conformance;

/// <summary>
/// One gpu's part in a job without any arithmetic: it promises, takes plans, counts steps and keeps their records, as docs/protocol.md
/// asks of a rank. An order that no correct job gives is a complaint.
/// </summary>
internal sealed class FakeRank(JobId job, GpuId gpu, long boot, string deviceClass, Action<string> complain)
{
    private const int Blocks = 3;

    private readonly SortedDictionary<long, StepRecord> kept = [];
    private (long Incarnation, long Generation) obeyed;
    private bool hasState;
    private int timeline;
    private long recorded;
    private bool advanced;
    private CheckpointId? toSave;
    private CheckpointPartSaved? saved;

    public JobId Job => job;

    public GpuId Gpu => gpu;

    public RankPlan? Plan { get; private set; }

    public long Promised { get; private set; }

    public long Applied { get; private set; }

    public bool Finished { get; private set; }

    /// <summary>The generation of the newest order.</summary>
    public long Generation => obeyed.Generation;

    /// <summary>Records that nobody has confirmed.</summary>
    public bool HasRecords => kept.Count > 0;

    /// <summary>Whether an order is older than one already obeyed; else it is obeyed from now on.</summary>
    public bool Refuses(RankOrder order)
    {
        if (order.Incarnation < obeyed.Incarnation || order.Generation < obeyed.Generation)
            return true;
        obeyed = (order.Incarnation, order.Generation);
        return false;
    }

    public IEnumerable<WorkerMessage> Prepare(PrepareRank prepare)
    {
        if (Plan?.Generation == prepare.Generation)
            return [];
        OnRecorded(prepare.RecordedThrough);
        (Promised, Plan, advanced, Finished) = (prepare.Generation, null, false, false);
        return [.. Records(), State()];
    }

    public IEnumerable<WorkerMessage> Take(RankPlan plan)
    {
        if (Plan?.Generation == plan.Generation)
            return Progress();
        if (Promised != plan.Generation)
            return [];
        var ready = plan.CatchUp switch
        {
            CatchUp.None => hasState && Applied == plan.FirstStep - 1 && timeline == (plan.StateTimeline ?? plan.Timeline),
            CatchUp.Initialize => plan.FirstStep == 1,
            CatchUp.FetchState => plan.Donors.Count > 0,
            CatchUp.LoadCheckpoint => plan.Checkpoint?.Id.Step == plan.FirstStep - 1,
            _ => hasState && Applied == plan.FirstStep - 2,
        };
        if (!ready)
        {
            complain($"{gpu} has applied {Applied}{(hasState ? "" : ", without state")} and is told {plan.CatchUp} before step "
                + $"{plan.FirstStep}");
        }
        if (plan.Timeline > timeline)
        {
            // The job went back: what was known of the older timeline is worth nothing.
            kept.Clear();
            recorded = 0;
        }

        if (plan.DeviceClass != deviceClass)
            complain($"{gpu} is of class {deviceClass} and is given a plan for class '{plan.DeviceClass}'");
        (Plan, Promised, hasState, timeline, Applied) = (plan, 0, true, plan.Timeline, plan.FirstStep - 1);
        OnRecorded(plan.RecordedThrough);
        return Progress();
    }

    /// <summary>The next step, which all members of the generation apply together.</summary>
    public void Apply()
    {
        Applied++;
        advanced = true;
        kept[Applied] = new StepRecord(Applied, Plan!.Generation, 1.0 / Applied, 1, 50, 16);
    }

    public void Finish() => Finished = true;

    public void Release() => (Plan, Promised, Finished) = (null, 0, false);

    public void OnRecorded(long through)
    {
        recorded = Math.Max(recorded, through);
        foreach (var step in kept.Keys.Where(step => step <= through).ToArray())
            kept.Remove(step);
    }

    public IEnumerable<WorkerMessage> Records() =>
        kept.Count == 0
            ? []
            : [new StepsApplied { Job = job, Generation = obeyed.Generation, Timeline = timeline, Steps = [.. kept.Values] }];

    /// <summary>All that the rank has to say and that nobody may have heard.</summary>
    public IEnumerable<WorkerMessage> Progress()
    {
        if (Promised != 0)
            yield return State();
        if (Plan is not { } plan)
            yield break;
        yield return new PlanTaken { Job = job, Generation = plan.Generation, Gpu = gpu };
        if (advanced)
            yield return new RankAdvanced { Job = job, Generation = plan.Generation, Gpu = gpu, Step = plan.FirstStep };
        if (Finished)
        {
            yield return new RankFinished
            {
                Job = job,
                Generation = plan.Generation,
                Gpu = gpu,
                Step = Applied,
                RecordedThrough = recorded,
                StateSha256 = Sha256,
            };
        }
    }

    /// <summary>The job wants the state of a step saved: what the rank says now. It says the rest when it has applied the step.</summary>
    public IEnumerable<WorkerMessage> Save(CheckpointId id)
    {
        if (saved?.Checkpoint == id)
            return [saved];
        if (Plan?.Generation != id.Generation || Applied > id.Step)
        {
            return [new CheckpointFailed
            {
                Job = job, Generation = obeyed.Generation, Node = gpu.Node, Checkpoint = id, Detail = "too late", Late = true,
            }];
        }
        toSave = id;
        return Saved();
    }

    /// <summary>What the rank says of a checkpoint after a step.</summary>
    public IEnumerable<WorkerMessage> Saved()
    {
        if (toSave is not { } id || Applied != id.Step || Plan is not { } plan || plan.Generation != id.Generation)
            return [];
        toSave = null;
        saved = new CheckpointPartSaved
        {
            Job = job,
            Generation = plan.Generation,
            Gpu = gpu,
            Checkpoint = id,
            Part = new CheckpointPart($"part-{plan.Rank:D5}", 100, new string('b', 64), plan.Rank, 1),
        };
        return [saved];
    }

    /// <summary>Of the final state, which is nobody's bits but everybody's the same.</summary>
    public static string Sha256 { get; } = new('a', 64);

    private RankState State() => new()
    {
        Job = job,
        Generation = Promised,
        Gpu = gpu,
        Boot = boot,
        HasState = hasState,
        Timeline = timeline,
        Applied = Applied,
        RecordedThrough = recorded,
        StateBlocks = Blocks,
        Reduced = hasState && Applied > 0 ? [new TagRun(0, Blocks, Applied)] : [],
    };
}
