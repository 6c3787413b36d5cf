using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Coordinator.Machines;

/// <summary>
/// One rank's side of the collective and of recovery, without sockets, threads or numbers.
/// <para>
/// Idle case: a plan stands, and step after step the rank computes its shards, sends its partial sums to the owners of the slices, finishes
/// its own slice, receives everybody's, and applies. A block of R takes step s + 1 only when every member's contribution to it has arrived,
/// which proves that all have applied s; so nobody is ever more than one step ahead, without another barrier.
/// </para>
/// <para>
/// Bursty case: a new generation is prepared. The rank answers where it stands and from then on changes nothing that it answered until the
/// plan comes (a running optimizer ends first, and then the rank answers). Under the plan it catches up if need be, keeps the partial sums
/// that still count, and goes on with the interrupted step.
/// </para>
/// The life cycle in order of files: orders and promises here, then coming to the plan's state (CatchUp), the steps (Step), and what is
/// said to the job until it is answered (Reports). What has a state of its own is a part with a file.
/// </summary>
public sealed partial class RankMachine : IRankMachine
{
    private readonly RankContext context;
    private readonly DeviceWork work = new();
    private readonly ReducedTags tags;
    private readonly HeldSubtrees held;
    private readonly ShardQueue shards = new();
    private readonly StepGathers gathers;
    private readonly SendWindow window;
    private readonly StateTransfer transfer;
    private readonly SliceSaving saving;
    private readonly StateHash hash = new();
    private readonly KnownRecord record = new();
    private readonly PeerAccusations accusations;
    private readonly Repetition repetition;
    private readonly List<FrameArrived> waitingFrames = [];

    private Phase phase = Phase.Idle;
    private int stateTimeline;
    private bool answerOwed;
    private bool isLetGo = true;
    private bool advanced;
    private RankPlan? plan;
    private GenerationCuts? cuts;

    /// <summary>A rank without state, plan or promise.</summary>
    public RankMachine(RankOptions options)
    {
        context = new RankContext(options);
        tags = new ReducedTags(options.ReducedBlocks);
        held = new HeldSubtrees(context);
        gathers = new StepGathers(context);
        window = new SendWindow(context);
        transfer = new StateTransfer(context);
        saving = new SliceSaving(context);
        accusations = new PeerAccusations(context);
        repetition = new Repetition(context);
    }

    private enum Phase
    {
        Idle,
        Promised,
        CatchingUp,
        Running,
        Finished,
        Faulted,
    }

    /// <summary>What the machine was made with.</summary>
    public RankOptions Options => context.Options;

    /// <inheritdoc/>
    public TimeSpan? NextDeadline { get; private set; }

    /// <inheritdoc/>
    public long Applied { get; private set; } = -1;

    /// <inheritdoc/>
    public long Generation => context.Generation;

    /// <summary>
    /// Whether its process may end without taking from the job what it may need: no plan was given, or the state of it is of no more use.
    /// </summary>
    public bool MayEnd => phase == Phase.Idle && isLetGo;

    /// <inheritdoc/>
    public string Activity => phase switch
    {
        _ when work.IsApplying => "applying",
        _ when work.IsWriting => "initialising",
        Phase.Idle => "idle",
        Phase.Promised => "promised",
        Phase.CatchingUp => "catching up",
        Phase.Running => work.IsComputing ? "computing" : "reducing",
        Phase.Finished => "finished",
        _ => "faulted",
    };

    /// <summary>The number that marks a job's frames: first eight bytes, little-endian, of the SHA-256 of its id.</summary>
    public static ulong TagOf(JobId job) => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(job.Value)));

    /// <inheritdoc/>
    public void Handle(TimeSpan now, RankInput input, List<RankOutput> outputs)
    {
        context.BeginTurn(now, outputs);
        switch (input)
        {
            case OrderArrived order:
                Obey(order.Order, order.Members, order.Cuts);
                break;
            case StateInitialized initialized:
                OnStateInitialized(initialized.Ticket);
                break;
            case ShardComputed computed:
                OnShardComputed(computed.Ticket);
                break;
            case StepFinished finished:
                OnStepFinished(finished.Ticket, finished.Step);
                break;
            case StateLoaded loaded:
                OnStateLoaded(loaded);
                break;
            case SaveOrdered order:
                OnSaveOrdered(order.Order);
                break;
            case StateSaved saved:
                saving.OnSaved(saved);
                break;
            case StateHashed hashed:
                OnStateHashed(hashed);
                break;
            case FrameArrived frame:
                OnFrame(frame);
                break;
            case PeerLost lost:
                OnPeerLost(lost);
                break;
            case DeviceFailed failed:
                OnDeviceFailed(failed);
                break;
            case LeaveRequested leave:
                leaveReason = leave.Reason;
                Repeat(all: true);
                break;
            case SiloReached:
                Repeat(all: true);
                break;
            case RecordsTaken taken:
                NoteRecorded(taken.Timeline, taken.Through);
                break;
            case RankDeadlinePassed:
                LookForStandstill();
                Repeat(all: false);
                break;
        }

        NextDeadline = NextRepetition;
    }

    private void Obey(RankOrder order, Membership? membership, GenerationCuts? made)
    {
        if (order.Job != Options.Job || order.Gpu != Options.Gpu || order.Incarnation < context.Incarnation
            || order.Generation < Generation)
        {
            return;
        }
        switch (order)
        {
            case PrepareRank prepare when membership is not null:
                context.Incarnation = order.Incarnation;
                Prepare(prepare, membership);
                break;
            case RankPlan ranked when membership is not null:
                context.Incarnation = order.Incarnation;
                Take(ranked, made);
                break;
            case ReleaseRank release:
                context.Incarnation = order.Incarnation;
                Release(release);
                break;
        }
    }

    private void Prepare(PrepareRank prepare, Membership membership)
    {
        if (prepare.Generation == Generation)
        {
            // A repetition. Once the plan is taken the promise is over, and repeating the old answer would be a lie.
            if (phase == Phase.Promised && !answerOwed)
                Answer(prepare.Detailed);
            return;
        }

        var rankThere = membership.RankOf(Options.Gpu);
        if (membership.Generation != prepare.Generation || rankThere < 0)
            return;
        context.Enter(membership, rankThere);
        context.Timeline = Math.Max(context.Timeline, prepare.Timeline);
        repetition.Reset();

        // Whoever holds a step's record forgets it on this word; so the word must come back with the answer, or a job that is
        // loaded anew would wait for records that it has.
        NoteRecorded(prepare.Timeline, prepare.RecordedThrough);
        phase = Phase.Promised;
        fault = null;
        ForgetGeneration();
        answerOwed = work.IsWriting;
        AnswerOrSayBusy();
        foreach (var lost in accusations.TakePostponed())
            OnPeerLost(lost);
    }

    /// <summary>
    /// An answer that is owed comes when the device has ended; until then the rank says that it is busy, so that it is not taken for dead.
    /// </summary>
    private void AnswerOrSayBusy()
    {
        if (!answerOwed)
        {
            Answer();
            return;
        }

        repetition.Reset();
        repetition.Arm();
        context.Tell(new RankPreparing
        {
            Job = Options.Job,
            Generation = Generation,
            Gpu = Options.Gpu,
            What = Activity,
            Busy = true,
            Loading = work.Writing == StateTask.Loading ? true : null,
        });
    }

    private void Answer(bool isDetailed = false)
    {
        answerOwed = false;
        repetition.Arm();
        context.Tell(new RankState
        {
            Job = Options.Job,
            Generation = Generation,
            Gpu = Options.Gpu,
            Boot = Options.Boot,
            HasState = Applied >= 0,
            Timeline = stateTimeline,
            Applied = Math.Max(Applied, 0),
            RecordedThrough = record.Of(stateTimeline),
            StateBlocks = Options.StateBlocks,
            Identity = Options.Identity,
            InitialState = isDetailed ? Options.InitialState : null,
            Reduced = tags.Runs(),
            Held = [.. held.All],
            Assigned = shards.AssignedFor(Applied + 1),
        });
    }

    /// <summary>
    /// Drops what belongs to the generation before: staging, waiting frames, catching up, accusations. P, R and state stay.
    /// </summary>
    private void ForgetGeneration()
    {
        ReleaseFrames();
        transfer.Clear();
        advanced = false;
        accusations.Clear();
        saving.ForgetOrder();
        unreadable = null;
    }

    /// <summary>Gives back all payloads: nothing more is made of them.</summary>
    private void ReleaseFrames()
    {
        gathers.Release();
        window.Close();
        foreach (var frame in waitingFrames)
            context.Release(frame.Payload);
        waitingFrames.Clear();
    }

    private void Take(RankPlan ranked, GenerationCuts? made)
    {
        if (ranked.Generation != Generation)
            return;
        if (phase != Phase.Promised)
        {
            // A repetition: the job has not heard how far this rank is.
            if (phase != Phase.Idle && plan is not null)
                context.Tell(Progress());
            return;
        }

        // A plan that comes while the optimizer still runs answers a promise that was never given.
        if (answerOwed || ranked.Rank != context.Rank)
            return;
        plan = ranked;
        repetition.Reset();
        isLetGo = false;
        repetition.BeginLooking(Applied);
        context.Tell(PlanIsTaken());
        context.Timeline = ranked.Timeline;

        // A state of another timeline than the plan goes on from counts for nothing under it, and yet it is kept until what takes its place
        // is there: that may turn out to be unreadable, and its donor may die.
        if (Applied < 0 || stateTimeline == (ranked.StateTimeline ?? ranked.Timeline))
            EnterTimeline(ranked);

        // Shard maps of the plan are shared by the ranks of a worker where their host made them.
        cuts = made ?? GenerationCuts.Of(Options.Shards, context.RankCount, ranked.FirstStepShards);
        window.Plan();
        CatchUp();
        var frames = waitingFrames.ToArray();
        waitingFrames.Clear();
        foreach (var frame in frames)
            OnFrame(frame);
    }

    private void Release(ReleaseRank release)
    {
        if (release.Generation == Generation && phase == Phase.Idle && !release.Forget)
            return;
        context.EnterNone(release.Generation);
        StopComputing();
        ForgetGeneration();
        plan = null;
        fault = null;
        answerOwed = false;
        phase = Phase.Idle;
        if (release.Forget)
        {
            isLetGo = true;
            DiscardState();
            context.Do(new ForgetState());
        }
    }

    /// <summary>
    /// The state is worthless: another timeline's, about to be overwritten, or gone with its device. Everything that was made of it goes
    /// with it: what the device is doing to it or computes from it, its hash, R's tags, P, and the shards that this rank was about to
    /// compute.
    /// </summary>
    private void DiscardState()
    {
        StopComputing();
        work.Discard();
        Applied = -1;
        hash.Clear();
        tags.Clear();
        held.Drop();
        shards.Forget();
    }

    /// <summary>The state is of the plan's timeline from now on, or there is none.</summary>
    private void EnterTimeline(RankPlan ranked)
    {
        stateTimeline = ranked.Timeline;
        NoteRecorded(ranked.Timeline, ranked.RecordedThrough);
    }

    private void NoteRecorded(int timeline, long through) => record.Note(timeline, through, Applied >= 0 ? stateTimeline : null);
}
