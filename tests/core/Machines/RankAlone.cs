using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>A rank's machine alone, in a job whose members the test names: the test gives orders and answers for the device.</summary>
internal sealed class RankAlone
{
    public const int Shards = 4;
    public static readonly JobId Job = new("j");
    public static readonly GpuId Gpu = new(new NodeId("n1"), 0);

    private readonly RankMachine rank;
    private readonly List<RankOutput> done = [];
    private TimeSpan now = TimeSpan.FromSeconds(1);
    private long payloads;

    public RankAlone(long steps = 100) =>
        rank = new RankMachine(new RankOptions
        {
            Job = Job,
            Gpu = Gpu,
            Boot = 5,
            Shards = Shards,
            Steps = steps,
            ReducedBlocks = 1,
            StateBlocks = 2,
            WindowBlocks = 1,
        });

    /// <summary>Other members, on nodes behind this one.</summary>
    public int Others { get; set; }

    public RankMachine Machine => rank;

    /// <summary>All that it asked for so far, in order.</summary>
    public IReadOnlyList<RankOutput> Done => done;

    public IEnumerable<WorkerMessage> Said => done.OfType<TellJob>().Select(tell => tell.Message);

    /// <summary>Its answer to a generation's question; null: it has given none.</summary>
    public RankState? AnswerTo(long generation) => Said.OfType<RankState>().LastOrDefault(answer => answer.Generation == generation);

    public T Last<T>()
        where T : RankOutput => done.OfType<T>().Last();

    public void Prepare(long generation, int timeline = 0, long recorded = 0) =>
        Order(new PrepareRank
        {
            Job = Job,
            Incarnation = 1,
            Timeline = timeline,
            Generation = generation,
            Gpu = Gpu,
            RecordedThrough = recorded,
        });

    public void Plan(
        long generation,
        CatchUp way,
        long firstStep,
        int timeline = 0,
        CheckpointRef? checkpoint = null,
        int? stateTimeline = null,
        long? lastStep = null) => Order(new RankPlan
        {
            Job = Job,
            Incarnation = 1,
            Timeline = timeline,
            StateTimeline = stateTimeline,
            Generation = generation,
            Gpu = Gpu,
            Rank = 0,
            FirstStep = firstStep,
            CatchUp = way,
            Checkpoint = checkpoint,
            Donors = way == CatchUp.FetchState ? [new DonorRun(1, 0, 2)] : [],
            RecordedThrough = firstStep - 1,
            LastStep = lastStep,
            FirstStepShards = [new ShardRun(0, 0, Shards)],
        });

    public void Release(long generation, bool forget = false) =>
        Order(new ReleaseRank { Job = Job, Incarnation = 1, Timeline = 0, Generation = generation, Gpu = Gpu, Forget = forget });

    /// <summary>A block of the state comes from the rank behind this one.</summary>
    public void BlockArrives(int block, long step, int timeline) =>
        Hand(new FrameArrived(FromOther(FrameKind.State, step) with { Timeline = timeline, Block = block }, ++payloads));

    /// <summary>The rank behind this one asks for the whole state.</summary>
    public void IsAskedForState(long step) =>
        Hand(new FrameArrived(FromOther(FrameKind.StateRequest, step) with { Count = rank.Options.StateBlocks }, ++payloads));

    /// <summary>A block of the reduced gradient comes from the rank behind this one.</summary>
    public void ReducedArrives(int block, long step) =>
        Hand(new FrameArrived(FromOther(FrameKind.Reduced, step) with { Block = block }, ++payloads));

    private FrameHeader FromOther(FrameKind kind, long step) => new()
    {
        Kind = kind,
        JobTag = RankMachine.TagOf(Job),
        Incarnation = 1,
        Timeline = 0,
        Generation = rank.Generation,
        From = 1,
        To = 0,
        Step = step,
    };

    public void Initialized() => Hand(new StateInitialized(Last<InitializeState>().Ticket));

    public void Loaded(string? failure) => Hand(new StateLoaded(Last<LoadState>().Ticket, failure));

    public void Applied() => Hand(new StepFinished(Last<ApplyStep>().Ticket, Last<ApplyStep>().Step));

    /// <summary>The device has hashed the state that it was asked for last.</summary>
    public void Hashed(string sha256) => Hand(new StateHashed(Last<HashState>().Ticket, sha256));

    /// <summary>The device computes all shards of the step in work; then the optimizer runs.</summary>
    public void ComputeStep()
    {
        for (var shard = 0; shard < Shards; shard++)
            Hand(new ShardComputed(Last<ComputeShard>().Ticket));
    }

    /// <summary>Alone, from the seed, under the plan of generation 1.</summary>
    public void TrainTo(long step)
    {
        Prepare(1);
        Plan(1, CatchUp.Initialize, 1);
        Initialized();
        while (rank.Applied < step)
        {
            ComputeStep();
            Applied();
        }
    }

    public void Hand(RankInput input)
    {
        var outputs = new List<RankOutput>();
        rank.Handle(now, input, outputs);
        done.AddRange(outputs);
    }

    /// <summary>Time passes, and what is due by then is done.</summary>
    public void Wait(TimeSpan time)
    {
        now += time;
        Hand(new RankDeadlinePassed());
    }

    private void Order(RankOrder order)
    {
        var members = Enumerable.Range(1, 1 + Others).Select(node => new Member(new GpuId(new NodeId($"n{node}"), 0), $"n{node}:1", 5));
        Hand(new OrderArrived(order, order is ReleaseRank ? null : Membership.None(Job).Apply(order.Generation, [], [.. members])));
    }
}
