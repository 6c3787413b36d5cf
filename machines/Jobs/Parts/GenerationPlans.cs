namespace Coordinator.Machines.Jobs.Parts;

/// <summary>
/// The plans of the generation in force, and who has obeyed them. A plan is repeated until its rank has taken it, and then, less often,
/// until the rank has applied a step under it: only when all have is the generation known to run.
/// </summary>
internal sealed class GenerationPlans(JobContext context, AskTimer timer)
{
    private static readonly TimeSpan SlowAskPeriod = TimeSpan.FromSeconds(2);

    private readonly SortedDictionary<GpuId, RankPlan> plans = [];
    private readonly SortedSet<GpuId> taken = [];
    private readonly SortedSet<GpuId> advanced = [];
    private ShardsAssigned? shards;

    /// <summary>
    /// Members, sorted, of the generations that plans were last made for, and that last ran: ranks go by the shard map of one of them. Not
    /// durable: an assignment without them is only longer.
    /// </summary>
    private IReadOnlyList<GpuId> lastPlanned = [];
    private IReadOnlyList<GpuId> lastRan = [];

    /// <summary>When the plans were made.</summary>
    public TimeSpan PlannedAt { get; private set; }

    /// <summary>Members that have applied a step under them.</summary>
    public int AdvancedCount => advanced.Count;

    /// <summary>Plans are out, and not every member has applied a step under them yet.</summary>
    public bool IsResuming => plans.Count > 0 && advanced.Count < context.State.Members.Count;

    /// <summary>Whether a rank has a plan of this activation, or obeys one.</summary>
    public bool Knows(GpuId gpu) => advanced.Contains(gpu) || taken.Contains(gpu) || plans.ContainsKey(gpu);

    /// <summary>Whether a rank has taken its plan.</summary>
    public bool IsTaken(GpuId gpu) => taken.Contains(gpu);

    /// <summary>Whether a rank has applied a step under its plan.</summary>
    public bool HasAdvanced(GpuId gpu) => advanced.Contains(gpu);

    /// <summary>The job was loaded while a generation ran: all of its members trained in it.</summary>
    public void NoteLoaded() => lastRan = lastPlanned = [.. context.State.Members.Select(member => member.Gpu)];

    /// <summary>The generation runs.</summary>
    public void NoteRunning() => lastRan = lastPlanned;

    /// <summary>A rank has taken its plan.</summary>
    public void NoteTaken(GpuId gpu) => taken.Add(gpu);

    /// <summary>A rank has applied a step under its plan. True where it is the last of all members to do so.</summary>
    public bool NoteAdvanced(GpuId gpu) => advanced.Add(gpu) && advanced.Count >= context.State.Members.Count;

    /// <summary>Assigns the interrupted step's shards. Sent beside the plans, in as few words as an earlier assignment allows.</summary>
    public void Assign(IReadOnlyList<ShardRun> firstStepShards, IReadOnlyList<GpuId> members)
    {
        var state = context.State;
        var (start, runs) = ShardAssignment.Fold(firstStepShards, state.Spec.Training.Shards, members, lastPlanned, lastRan);
        shards = new ShardsAssigned(context.Id, state.Incarnation, state.Generation, runs, start);
        lastPlanned = members;
        PlannedAt = context.Now;
    }

    /// <summary>Adds the plan of a rank.</summary>
    public void Add(RankPlan plan) => plans.Add(plan.Gpu, plan);

    /// <summary>Sends all of them for the first time.</summary>
    public void Send()
    {
        Send(plans.Values);
        timer.Reset();
        timer.Arm();
    }

    /// <summary>Repeats, where it is time, those that were not taken, or else those under which no step was applied.</summary>
    public void RepeatIfDue()
    {
        if (!IsResuming || !timer.IsDue)
            return;
        timer.Repeat();
        var untaken = plans.Values.Where(plan => !taken.Contains(plan.Gpu)).ToArray();
        Send(untaken.Length > 0 ? untaken : plans.Values.Where(plan => !advanced.Contains(plan.Gpu)));
        if (untaken.Length > 0)
            timer.Arm();
        else
            timer.Arm(SlowAskPeriod);
    }

    /// <summary>Another generation is in force.</summary>
    public void Clear()
    {
        plans.Clear();
        shards = null;
        taken.Clear();
        advanced.Clear();
    }

    private void Send(IEnumerable<RankPlan> some)
    {
        foreach (var node in some.GroupBy(plan => plan.Gpu.Node))
        {
            context.Send(
                GrainAddress.Of(node.Key), new NodeOrders(context.Id, context.State.Incarnation, null, [.. node], Assignment: shards));
        }
    }
}
