using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Machines.Jobs;

namespace Coordinator.Planning.Simulation;

/// <summary>
/// The shipping machines of a cluster and of one job in virtual time, with a rank's worker reduced to its answers: where it stands, that it
/// has its plan, that it has applied a step. Messages take their time, and the silo handles one after the other. Between failures the
/// machines are not called: what they repeat then changes nothing.
/// </summary>
internal sealed class MachineJob : IGenerations
{
    private const int StateBlocks = 8;

    // Long enough for a job of a million ranks; reached only where something never ends.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);

    private static readonly JobId Job = new("planned");

    private readonly FleetSpec fleet;
    private readonly ClusterMachine cluster = new(null);
    private readonly TrainingJobMachine job = new(Job, null);
    private readonly Slot[] slots;
    private readonly Dictionary<NodeId, Slot> byNode = [];
    private readonly PriorityQueue<(GrainAddress To, GrainMessage Message), (TimeSpan, long)> mail = new();
    private readonly Outputs outputs = new();
    private TimeSpan now;
    private TimeSpan siloFree;
    private long sent;
    private long step = 1;
    private int awaitedPlans;
    private IReadOnlyList<IReadOnlyList<ShardSpan>> map = [];
    private ShardsAssigned? assignment;
    private long generation;

    /// <summary>A rank's place: its worker comes and goes.</summary>
    private sealed class Slot(int number)
    {
        public GpuId Gpu { get; } = new(new NodeId($"rank-{number:0000000}"), 0);

        public long Boot { get; set; } = 1;

        public long Reports { get; set; }

        public bool Up { get; set; } = true;

        public bool HasState { get; set; }

        public int Rank { get; set; } = -1;

        public bool HasPlan { get; set; }

        public WorkerSession Session => new(Boot, 1);
    }

    /// <summary>A job on a cluster of which so many ranks are there at the start.</summary>
    public MachineJob(FleetSpec fleet, int present)
    {
        this.fleet = fleet;
        slots = [.. Enumerable.Range(0, fleet.Ranks).Select(number => new Slot(number))];
        foreach (var slot in slots)
            byNode.Add(slot.Gpu.Node, slot);
        foreach (var slot in slots.Skip(present))
            slot.Up = false;
    }

    /// <summary>Hears every message, to be measured.</summary>
    public Action<GrainMessage>? Heard { get; init; }

    /// <inheritdoc/>
    public int Count { get; private set; }

    /// <inheritdoc/>
    public FormedGeneration Start()
    {
        // A job that is to grow asks for all ranks it is to have, and begins with those that are there once its product's start timeout is
        // over.
        var all = slots.All(slot => slot.Up);
        Call(cluster, new Activated("silo"));
        Call(job, new Activated("silo"));
        Call(job, new SubmitJob(new JobSpec
        {
            Name = fleet.Name,
            Ranks = fleet.Ranks,
            Training = new TrainingSpec { Steps = long.MaxValue / 4, Shards = fleet.Shards, BatchSize = fleet.Shards, MicroBatch = 1 },
            Checkpoint = new CheckpointSpec { Interval = "off" },
            FaultTolerance = all ? new FaultToleranceSpec { StartTimeout = TimeSpan.FromMinutes(20) } : new FaultToleranceSpec(),
            Secret = Convert.ToBase64String(new byte[32]),
        }));
        foreach (var slot in slots.Where(slot => slot.Up))
            Post(GrainAddress.Cluster, Report(slot));
        return Form(0);
    }

    /// <inheritdoc/>
    public FormedGeneration Lose(double at, IReadOnlyCollection<int> ranks, double done)
    {
        Advance(at);
        foreach (var rank in ranks)
            (slots[rank].Up, slots[rank].HasPlan, slots[rank].HasState) = (false, false, false);
        var witnesses = slots.Where(slot => slot.HasPlan).Take(3).ToArray();
        foreach (var rank in ranks)
        {
            var gone = slots[rank];
            Post(GrainAddress.Cluster, Report(gone));
            Post(GrainAddress.Of(Job), new NodeLinkReported(gone.Gpu.Node, gone.Session, Connected: false));
            foreach (var witness in witnesses)
            {
                Post(GrainAddress.Of(Job), new WorkerReported(witness.Gpu.Node, witness.Session, new PeerAccused
                {
                    Job = Job,
                    Generation = generation,
                    Accuser = witness.Gpu.Node,
                    Accused = gone.Gpu.Node,
                    Evidence = Evidence.ConnectionClosed,
                }));
            }
        }

        return Form(done);
    }

    /// <inheritdoc/>
    public FormedGeneration Return(double at, IReadOnlyCollection<int> ranks, double done)
    {
        Advance(at);
        foreach (var slot in ranks.Select(rank => slots[rank]))
        {
            (slot.Up, slot.Boot) = (true, slot.Boot + 1);
            Post(GrainAddress.Of(Job), new NodeLinkReported(slot.Gpu.Node, slot.Session, Connected: true));
            Post(GrainAddress.Cluster, Report(slot));
        }

        return Form(done);
    }

    /// <summary>The members' next step is applied everywhere, which ends what a generation began with; then whole steps pass.</summary>
    private void Advance(double at)
    {
        now = Max(now, TimeSpan.FromSeconds(at));
        step += 2;
        foreach (var slot in slots.Where(slot => slot.HasPlan && slot.Up))
            slot.HasState = true;
        if (slots.FirstOrDefault(slot => slot.HasPlan && slot.Up) is { } first)
        {
            Call(job, Said(first, new StepsApplied
            {
                Job = Job,
                Generation = generation,
                Timeline = 0,
                Steps = [new StepRecord(step, generation, 1, 1, fleet.StepSeconds * 1000, fleet.Shards)],
            }));
        }
    }

    private FormedGeneration Form(double done)
    {
        var expected = slots.Count(slot => slot.Up);
        var (before, begun) = (generation, now);
        while (generation == before || awaitedPlans > 0)
        {
            if (now - begun > Limit)
            {
                throw new InvalidOperationException(
                    $"the job formed no generation of {expected} ranks in {Limit.TotalMinutes} min: {job.Describe(now)[..400]}");
            }
            Turn(done);
        }

        var seconds = (now - begun).TotalSeconds;
        var finished = map.Count == 0 ? 0 : (int)(done * map.Max(spans => spans.Sum(span => span.Count)));
        var loads = new int[expected];
        foreach (var run in ShardAssignment.Unfold(assignment!, fleet.Shards))
            loads[run.Rank] += run.Count;
        var busiest = Math.Max(0, loads.Max() - finished);
        foreach (var slot in slots.Where(slot => slot.HasPlan))
            slot.HasState = true;

        // What comes after this step is applied is the machine's quiet state.
        foreach (var slot in slots.Where(slot => slot.HasPlan))
        {
            Post(
                GrainAddress.Of(Job), Said(slot, new RankAdvanced { Job = Job, Generation = generation, Gpu = slot.Gpu, Step = step + 1 }));
        }
        step++;
        while (mail.Count > 0)
            Turn(done);
        map = ShardMap.Cut(fleet.Shards, expected);
        Count++;
        return new FormedGeneration(seconds, expected, busiest);
    }

    /// <summary>The next thing that happens: a message arrives, or a machine's deadline passes.</summary>
    private void Turn(double done)
    {
        var deadline = Earlier(cluster.NextDeadline, job.NextDeadline);
        if (mail.TryPeek(out _, out var key) && !(deadline < key.Item1))
        {
            var (to, message) = mail.Dequeue();
            now = Max(now, key.Item1);
            if (to.Kind == GrainKind.Node)
            {
                Obey(byNode[new NodeId(to.Key)], (NodeOrders)message, done);
                return;
            }

            // The silo handles one message after the other.
            now = siloFree = Max(now, siloFree) + TimeSpan.FromSeconds(fleet.Costs.HandleSeconds);
            Call(to.Kind == GrainKind.Job ? job : cluster, message);
            return;
        }

        now = Max(now, deadline ?? throw new InvalidOperationException($"nothing is left to happen: {job.Describe(now)[..400]}"));
        foreach (var machine in new IMachine[] { cluster, job })
        {
            if (machine.NextDeadline <= now)
                Call(machine, new DeadlinePassed());
        }
    }

    /// <summary>What a worker answers at once.</summary>
    private void Obey(Slot slot, NodeOrders orders, double done)
    {
        if (!slot.Up)
            return;
        if (orders.Assignment is { } assigned)
            assignment = assigned;
        foreach (var order in orders.Orders)
        {
            switch (order)
            {
                case PrepareRank:
                    if (order.Generation > generation)
                    {
                        generation = order.Generation;
                        foreach (var other in slots)
                            other.HasPlan = false;
                        awaitedPlans = slots.Count(other => other.Up);
                    }

                    Post(GrainAddress.Of(Job), Said(slot, Answer(slot, order, done)));
                    break;
                case RankPlan plan when plan.Generation == generation:
                    slot.Rank = plan.Rank;
                    if (!slot.HasPlan)
                        awaitedPlans--;
                    slot.HasPlan = true;
                    Post(GrainAddress.Of(Job), Said(slot, new PlanTaken { Job = Job, Generation = generation, Gpu = slot.Gpu }));
                    break;
                case ReleaseRank:
                    Post(GrainAddress.Of(Job), Said(slot, new RankReleased { Job = Job, Generation = order.Generation, Gpu = slot.Gpu }));
                    break;
            }
        }
    }

    private RankState Answer(Slot slot, RankOrder order, double done)
    {
        var assigned = slot.HasState && slot.Rank >= 0 && slot.Rank < map.Count ? map[slot.Rank] : [];
        return new RankState
        {
            Job = Job,
            Generation = order.Generation,
            Gpu = slot.Gpu,
            Boot = slot.Boot,
            HasState = slot.HasState,
            Timeline = order.Timeline,
            Applied = slot.HasState ? step : 0,
            RecordedThrough = slot.HasState ? step : 0,
            StateBlocks = StateBlocks,
            Reduced = slot.HasState ? [new TagRun(0, StateBlocks, step)] : [],
            Held = [.. Finished(assigned, done)],
            Assigned = assigned,
        };
    }

    /// <summary>The subtrees of the shards that a rank has computed when it is so far.</summary>
    private static IEnumerable<Subtree> Finished(IReadOnlyList<ShardSpan> assigned, double done)
    {
        var count = (int)(done * assigned.Sum(span => span.Count));
        foreach (var span in assigned)
        {
            foreach (var subtree in Subtree.Cover(span.Start, Math.Min(count, span.Count)))
                yield return subtree;
            count -= Math.Min(count, span.Count);
        }
    }

    private void Call(IMachine machine, GrainMessage message)
    {
        outputs.Clear();
        machine.Handle(now, message, outputs);
        foreach (var output in outputs.Items.ToArray())
        {
            // Of what the cluster tells a node, that its report was taken, no answer comes.
            if (output is SendToGrain send && (send.To.Kind is GrainKind.Cluster or GrainKind.Job || send.Message is NodeOrders))
                Post(send.To, send.Message);
        }
    }

    private void Post(GrainAddress to, GrainMessage message)
    {
        sent++;
        Heard?.Invoke(message);
        mail.Enqueue((to, message), (now + TimeSpan.FromSeconds(fleet.Costs.MessageSeconds), sent));
    }

    private NodeReported Report(Slot slot) =>
        new(
            slot.Gpu.Node,
            slot.Session,
            ++slot.Reports,
            slot.Up,
            $"{slot.Gpu.Node}:7000",
            [new GpuDescription(0, fleet.Accelerator, fleet.Accelerator, "planned")]);

    private static WorkerReported Said(Slot slot, JobReport report) => new(slot.Gpu.Node, slot.Session, report);

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private static TimeSpan? Earlier(TimeSpan? a, TimeSpan? b) => a is null || b < a ? b : a;
}
