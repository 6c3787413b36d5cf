using System.Numerics;
using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Machines.Jobs;

namespace Coordinator.Tests.Machines;

/// <summary>
/// A job's machine alone, without engine, nodes or ranks: the test says what those say, and looks at what the job orders.
/// </summary>
internal sealed class JobAlone
{
    public static readonly JobId Job = new("job-1");

    private TrainingJobMachine machine = new(Job, null);
    private string state = "";
    private readonly SortedDictionary<GpuId, RankOrder> newest = [];
    private TimeSpan now = TimeSpan.FromSeconds(10);
    private long offers;
    private GpusOffered? lastOffer;
    private readonly HashSet<(int Node, long Generation)> answered = [];

    public JobAlone(int ranks, int minRanks, Func<JobSpec, JobSpec>? with = null)
    {
        Tell(new Activated("silo"));
        var spec = new JobSpec
        {
            Ranks = ranks,
            MinRanks = minRanks,
            Training = new TrainingSpec { Steps = 20, Shards = Math.Max(4, (int)BitOperations.RoundUpToPowerOf2((uint)ranks)) },
        };
        Tell(new SubmitJob(with?.Invoke(spec) ?? spec));
    }

    /// <summary>Steps that it has recorded, with their timelines, in order.</summary>
    public List<(int Timeline, long Step)> Recorded { get; } = [];

    /// <summary>What it says of itself.</summary>
    public JobView View => JsonSerializer.Deserialize(machine.Describe(now), MachinesJson.Default.JobView)!;

    /// <summary>The plan that a gpu was given in the present generation; null: it was given none.</summary>
    public RankPlan? PlanOf(int node) =>
        newest.GetValueOrDefault(Gpu(node)) is RankPlan plan && plan.Generation == Generation ? plan : null;

    /// <summary>Kinds of the events that it told, in order.</summary>
    public List<string> Events { get; } = [];

    /// <summary>The cause that the last event of each kind told.</summary>
    public Dictionary<string, string?> Causes { get; } = [];

    /// <summary>What the last event of each kind told people.</summary>
    public Dictionary<string, string?> Texts { get; } = [];

    /// <summary>Time until it wants to be woken; null: never.</summary>
    public TimeSpan? WakesIn => machine.NextDeadline - now;

    /// <summary>What is stored of it.</summary>
    public string State => state;

    /// <summary>The last that each gpu was ordered.</summary>
    public IReadOnlyDictionary<GpuId, RankOrder> Newest => newest;

    /// <summary>From which generation each node was last told the membership; 0: whole.</summary>
    public SortedDictionary<NodeId, long> ToldFrom { get; } = [];

    /// <summary>How often each node was given orders.</summary>
    public SortedDictionary<NodeId, int> Orders { get; } = [];

    /// <summary>How often each node's gpu was asked where it stands.</summary>
    public SortedDictionary<NodeId, int> Questions { get; } = [];

    /// <summary>What it ordered of checkpoints, in order.</summary>
    public List<CheckpointOrder> CheckpointOrders { get; } = [];

    /// <summary>Gpus that it asked for last.</summary>
    public int Wanted => Request.Wanted;

    /// <summary>What it said to the cluster last.</summary>
    public GpusRequested Request { get; private set; } = new(Job, 0, 0, 0, [], []);

    /// <summary>Gpus that it said are to blame for a fault.</summary>
    public List<GpuId> Suspected { get; } = [];

    /// <summary>Why it is in its phase, as operators see it.</summary>
    public string Reason => JsonSerializer.Deserialize(machine.Describe(now), MachinesJson.Default.JobView)!.Reason;

    public long Generation { get; private set; }

    public static GpuId Gpu(int node) => new(new NodeId($"n{node}"), 0);

    /// <summary>Boot of a node's first process; a later one's is higher.</summary>
    public static WorkerSession Session(int node, int life = 0) => new(1000 + (100 * life) + node, 1);

    public void Offer(params (int Node, int Life)[] nodes) => Tell(lastOffer = new GpusOffered(1, ++offers,
        [
            .. nodes.Select(node => new GpuOffer(Gpu(node.Node), Session(node.Node, node.Life), $"n{node.Node}:7000", "c", "cpu", Up: true))
        ]));

    /// <summary>The cluster offers gpus to an activation of the job, and may wait for its word.</summary>
    public void OfferTo(long incarnation, bool confirm, params int[] nodes) => Tell(new GpusOffered(1, ++offers,
        [.. nodes.Select(node => new GpuOffer(Gpu(node), Session(node), $"n{node}:7000", "c", "cpu", Up: true))])
    {
        For = incarnation,
        Confirm = confirm,
    });

    /// <summary>Nothing is offered, and gpus that the job would have are drained.</summary>
    public void IsOfferedNothingButDrained() => Tell(new GpusOffered(1, ++offers, [])
    {
        Supply = new GpuSupply(0, []) { Held = new HeldBack("drained", "1 gpu is drained (n1/0 drained by ann: new disk)") },
    });

    /// <summary>The cluster sees no gpu of the job's class, up or down.</summary>
    public void IsOfferedNothing() => Tell(new GpusOffered(1, ++offers, []) { Supply = new GpuSupply(0, []) });

    /// <summary>The last offer is delivered a second time.</summary>
    public void OfferComesAgain() => Tell(lastOffer!);

    /// <summary>All nodes' gpus are offered, and those of some are wanted back.</summary>
    public void OfferAllAndAskBack(int[] nodes, params int[] back) => Tell(new GpusOffered(1, ++offers,
        [.. nodes.Select(node => new GpuOffer(Gpu(node), Session(node), $"n{node}:7000", "c", "cpu", Up: !back.Contains(node))
        {
            NodeUp = true, GiveBack = back.Contains(node) ? "power: too little" : null,
        })]));

    /// <summary>All nodes' gpus are offered; those that are drained are no candidates, and of them some are asked back.</summary>
    public void OfferAllAndDrain(int[] nodes, int[] drained, int[] back) => Tell(new GpusOffered(1, ++offers,
        [.. nodes.Select(node => new GpuOffer(Gpu(node), Session(node), $"n{node}:7000", "c", "cpu", Up: !drained.Contains(node))
        {
            NodeUp = true,
            Drained = drained.Contains(node),
            GiveBack = back.Contains(node) ? "drained by ann: new disk" : null,
        })]));

    public void Says(int node, JobReport report, int life = 0) => Tell(new WorkerReported(Gpu(node).Node, Session(node, life), report));

    /// <summary>
    /// A member answers the question of the present generation: where it stands, or that it has no state where that is null.
    /// </summary>
    public void Answers(int node, long? applied, int life = 0, int timeline = 0, long recorded = 0)
    {
        answered.Add((node, Generation));
        Says(node, AnswerOf(node, applied, life, timeline, recorded), life);
    }

    /// <summary>A member answers that it holds the seed's state, and a shard of the first step that it has computed.</summary>
    public void AnswersWithHeldWork(int node) =>
        Says(node, AnswerOf(node, 0, life: 0, timeline: 0, recorded: 0) with { Held = [Subtree.Leaf(node)] });

    /// <summary>A member answers without state, and says what its device is made up of.</summary>
    public void AnswersAs(int node, string identity) =>
        Says(node, AnswerOf(node, null, life: 0, timeline: 0, recorded: 0) with { Identity = identity });

    /// <summary>The same once more, with what its device began with entry by entry.</summary>
    public void AnswersInDetail(int node, string identity, params string[] entries) => Says(
        node, AnswerOf(node, null, life: 0, timeline: 0, recorded: 0) with { Identity = identity, InitialState = entries });

    private RankState AnswerOf(int node, long? applied, int life, int timeline, long recorded) => new()
    {
        Job = Job,
        Generation = Generation,
        Gpu = Gpu(node),
        Boot = Session(node, life).Boot,
        HasState = applied is not null,
        Timeline = timeline,
        Applied = applied ?? 0,
        RecordedThrough = recorded,
        StateBlocks = 1,
    };

    /// <summary>A member has taken its plan and applied a step under it.</summary>
    public void Advances(int node, long step, int life = 0) =>
        Says(node, new RankAdvanced { Job = Job, Generation = Generation, Gpu = Gpu(node), Step = step }, life);

    public void Records(int node, long step) => Says(
        node,
        new StepsApplied { Job = Job, Generation = Generation, Timeline = 0, Steps = [new StepRecord(step, Generation, 1, 1, 1, 1)] });

    /// <summary>A member says what it has applied, as it does before its answer.</summary>
    public void SaysSteps(int node, int timeline, long first, long last) => Says(node, new StepsApplied
    {
        Job = Job,
        Generation = Generation,
        Timeline = timeline,
        Steps = [.. Enumerable.Range((int)first, (int)(last - first) + 1).Select(step => new StepRecord(step, Generation, 1, 1, 1, 1))],
    });

    /// <summary>A member cannot read the checkpoint that its plan names.</summary>
    public void CannotRead(int node, long step) =>
        Says(node, new CheckpointUnreadable
        {
            Job = Job,
            Generation = Generation,
            Gpu = Gpu(node),
            Checkpoint = new CheckpointId(0, step, 1),
            Detail = "damaged",
        });

    public void WantsCheckpoint() => Tell(new CheckpointWanted("asked for"));

    public void CannotSave(int node, CheckpointId id) =>
        Says(
            node, new CheckpointFailed { Job = Job, Generation = Generation, Node = Gpu(node).Node, Checkpoint = id, Detail = "no space" });

    /// <summary>A member's slice is durable, and copying and writing it took so long each.</summary>
    public void SavesPart(int node, CheckpointId id, double milliseconds) => Says(node, new CheckpointPartSaved
    {
        Job = Job,
        Generation = Generation,
        Gpu = Gpu(node),
        Checkpoint = id,
        Part = new CheckpointPart($"part-{node}", 8, new string('a', 64), 2 * node, 2),
        SnapshotMs = milliseconds,
        WriteMs = milliseconds,
    });

    /// <summary>A node has written the manifest.</summary>
    public void Seals(int node, CheckpointId id) => Says(node, new CheckpointSealed
    {
        Job = Job,
        Generation = Generation,
        Node = Gpu(node).Node,
        Checkpoint = id,
        ManifestSha256 = new string('a', 64),
    });

    public void Cancel() => Tell(new CancelJob("a test"));

    /// <summary>The grain of a gpu says that the gpu is to leave.</summary>
    public void IsWithdrawn(int node) => Tell(new GpuWithdrawn(Gpu(node), "a reset is asked for"));

    public void WantsToEnd(int node, int life = 0) =>
        Says(node, new RankLeaving { Job = Job, Generation = Generation, Gpu = Gpu(node), Reason = "asked to end" }, life);

    public void Faults(int node, FaultKind kind, long step, string detail = "it broke", long? generation = null) => Says(
        node,
        new RankFaulted { Job = Job, Generation = generation ?? Generation, Gpu = Gpu(node), Detail = detail, Kind = kind, Step = step });

    public void Prepares(int node, bool ready = false, bool busy = false, bool? loading = null) =>
        Says(node, new RankPreparing
        {
            Job = Job,
            Generation = Generation,
            Gpu = Gpu(node),
            What = "opening data",
            Ready = ready,
            Busy = busy,
            Loading = loading,
        });

    public void IsReleased(int node, bool forgot = false) =>
        Says(node, new RankReleased { Job = Job, Generation = Generation, Gpu = Gpu(node), Forgot = forgot });

    public void Extend(long? steps = null, int? ranks = null, bool workersEnded = false) =>
        Tell(new ExtendJob(steps, ranks) { WorkersEnded = workersEnded });

    /// <summary>A member has come to the last step of its plan.</summary>
    public void Finishes(int node, long step, int life = 0) =>
        Says(node, new RankFinished
        {
            Job = Job,
            Generation = Generation,
            Gpu = Gpu(node),
            Step = step,
            RecordedThrough = step,
            StateSha256 = $"state of step {step}",
        }, life);

    public void StoresModel(string sha256, long? step) => Tell(new ModelStored(sha256, 8) { Step = step });

    /// <summary>A later process of the node connects: the earlier one, with what it held, is gone.</summary>
    public void Restarts(int node, int life) => Tell(new NodeLinkReported(Gpu(node).Node, Session(node, life), Connected: true));

    /// <summary>The node's connection to its silo ends; its process goes on.</summary>
    public void LosesLink(int node) => Tell(new NodeLinkReported(Gpu(node).Node, Session(node), Connected: false));

    /// <summary>The node's connection stands, and nothing was heard of it for long; or it is heard again.</summary>
    public void IsHeard(int node, bool heard) =>
        Tell(new NodeLinkReported(Gpu(node).Node, Session(node), Connected: heard) { Silent = !heard });

    public void Advance(TimeSpan time)
    {
        for (var end = now + time; now < end;)
        {
            now += TimeSpan.FromMilliseconds(10);
            if (now >= machine.NextDeadline)
                Tell(new DeadlinePassed());
        }
    }

    /// <summary>Time passes until a gpu is asked where it stands, in a generation in which it has not answered yet.</summary>
    public TimeSpan AdvanceUntilAsked(int node, TimeSpan within)
    {
        for (var began = now; now < began + within; Advance(TimeSpan.FromMilliseconds(10)))
        {
            if (newest.TryGetValue(Gpu(node), out var order) && order is PrepareRank && order.Generation == Generation
                && !answered.Contains((node, Generation)))
            {
                return now - began;
            }
        }

        throw new TimeoutException($"n{node} is not asked within {within}; {View.Phase}: {View.Reason}");
    }

    /// <summary>Size of the checkpoints of <see cref="ReloadWithCheckpoints"/>.</summary>
    public long CheckpointBytes { get; init; } = 10;

    /// <summary>Another silo loads it from what is stored.</summary>
    public void Reload()
    {
        machine = new TrainingJobMachine(Job, state);
        Tell(new Activated("another silo"));
    }

    /// <summary>Another silo loads it from what is stored, and finds that it has saved these steps, oldest first.</summary>
    public void ReloadWithCheckpoints(params long[] steps)
    {
        CheckpointRef[] saved =
        [
            .. steps.Select(step => new CheckpointRef(new CheckpointId(0, step, 1), new string('a', 64), CheckpointBytes, 1))
        ];
        var recorded = View.Recorded;
        ReloadWith(stored => stored with { Checkpoints = saved, Recorded = recorded });
    }

    /// <summary>Another silo loads it from what is stored, which is changed before.</summary>
    public void ReloadWith(Func<TrainingJobState, TrainingJobState> change)
    {
        var stored = Coordinator.Machines.Contracts.ReadState<TrainingJobState>(GrainAddress.Of(Job), state);
        state = JsonSerializer.Serialize(change(stored), MachinesJson.Default.TrainingJobState);
        Reload();
    }

    /// <summary>Members train from the seed: every one has applied step 1, and it is recorded.</summary>
    public void Train(params int[] nodes)
    {
        Offer([.. nodes.Select(node => (node, 0))]);
        foreach (var node in nodes)
            Answers(node, null);
        foreach (var node in nodes)
            Advances(node, 1);
        Records(nodes[0], 1);
    }

    private void Tell(GrainMessage message)
    {
        var outputs = new Outputs();
        machine.Handle(now, message, outputs);
        state = outputs.Items.OfType<PersistState>().LastOrDefault()?.StateJson ?? state;
        Events.AddRange(outputs.Items.OfType<ObserveEvent>().Select(observed => observed.Event.Kind));
        foreach (var observed in outputs.Items.OfType<ObserveEvent>())
        {
            Causes[observed.Event.Kind] = observed.Event.Cause;
            Texts[observed.Event.Kind] = observed.Event.Text;
        }

        Recorded.AddRange(
            outputs.Items.OfType<ObserveSteps>().SelectMany(observed => observed.Steps.Select(step => (observed.Timeline, step.Step))));
        foreach (var output in outputs.Items.OfType<SendToGrain>())
        {
            if (output.Message is GpusRequested request)
                Request = request;
            if (output.Message is GpuFaultReported)
                Suspected.Add(GpuId.Parse(output.To.Key));
            if (output.Message is not NodeOrders orders)
                continue;
            Orders[new NodeId(output.To.Key)] = Orders.GetValueOrDefault(new NodeId(output.To.Key)) + 1;
            if (orders.Checkpoint is { } checkpoint)
                CheckpointOrders.Add(checkpoint);
            if (orders.Change is { } change)
                ToldFrom[new NodeId(output.To.Key)] = change.FromGeneration;
            foreach (var order in orders.Orders)
            {
                newest[order.Gpu] = order;
                if (order is PrepareRank)
                    Questions[order.Gpu.Node] = Questions.GetValueOrDefault(order.Gpu.Node) + 1;
                Generation = Math.Max(Generation, order.Generation);
            }
        }
    }
}
