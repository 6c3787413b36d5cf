using Coordinator.Machines.Jobs.Parts;
using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Machines.Jobs;

/// <summary>
/// A training run: who is a member, when a new generation forms, where it goes on, and when it has ended.
/// <para>
/// Idle case: a generation runs, its rank 0 reports applied steps now and then, and the job does nothing; the ranks keep each other in
/// step. Bursty case: a member dies, comes or leaves. The job persists the next generation, asks its members where they stand (their
/// answers are promises), decides by <see cref="RecoveryPlanner"/>, and hands out plans. A job that is loaded in between forms yet another
/// generation: half-made decisions are never continued.
/// </para>
/// Nothing waits for a reply: what must arrive is repeated by deadline until what it asks for has happened.
/// <para>
/// The life cycle in order of files: messages here; reports of workers (Reports), what starts a generation (Decisions), from its question
/// to its plan (Recovery), the end and what comes after it (End), and what is shown (View). What has a state of its own is a part with a
/// file.
/// </para>
/// </summary>
public sealed partial class TrainingJobMachine : IMachine
{
    private readonly JobContext context;
    private readonly StepRecords records = new();
    private readonly NodeLinks links = new();
    private readonly FailureEvidence evidence;
    private readonly FailureGather gather;
    private readonly Exclusions exclusions = new();
    private readonly GpuOffers offers;
    private readonly GenerationRound round;
    private readonly GenerationPlans plans;
    private readonly Preparations preparations;
    private readonly Departures departures;
    private readonly Releases releases;
    private readonly Handovers handovers;
    private readonly Parking parking;
    private readonly StateSearch search;
    private readonly SoleHolder soleHolder;
    private readonly InitialStates initialStates;
    private readonly CheckpointSchedule checkpoints;
    private readonly Completion completion = new();
    private readonly RecoveryReason recovery = new();

    private TimeSpan submittedAt;
    private TimeSpan? decidedAt;
    private TimeSpan? candidatesSince;
    private TimeSpan lastProgress;

    /// <summary>Why the generation in force cannot go on, so that the job waits; null: it can.</summary>
    private string? stalled;

    /// <summary>A job as stored, or one that waits to be submitted.</summary>
    public TrainingJobMachine(JobId id, string? stateJson)
    {
        context = new JobContext(id, stateJson is null ? null : Contracts.ReadState<TrainingJobState>(GrainAddress.Of(id), stateJson));
        var timer = new AskTimer(context);
        evidence = new FailureEvidence(context, links);
        gather = new FailureGather(context);
        offers = new GpuOffers(context);
        round = new GenerationRound(context, links, records, timer);
        plans = new GenerationPlans(context, timer);
        preparations = new Preparations(context, round);
        departures = new Departures(context, links);
        releases = new Releases(context, links, MayForget);
        handovers = new Handovers(context, links, releases);
        parking = new Parking(context, round, departures);
        search = new StateSearch(context, links, records);
        soleHolder = new SoleHolder(context);
        initialStates = new InitialStates(context);
        checkpoints = new CheckpointSchedule(context, links, records);
    }

    /// <inheritdoc/>
    public GrainAddress Address => GrainAddress.Of(context.Id);

    /// <inheritdoc/>
    public TimeSpan? NextDeadline { get; private set; }

    private TrainingJobState State => context.State;

    private TimeSpan Now => context.Now;

    /// <summary>All members train, as far as the job knows.</summary>
    private bool IsTraining => State is { Phase: JobPhase.Active, Planned: true } && !round.IsOpen && stalled is null;

    /// <summary>
    /// Whether it waits for anybody at all, be it for the state or for the number: then a process that was asked to end, and has not ended,
    /// is as good a candidate as any.
    /// </summary>
    private bool NeedsWhoeverComes => State.Phase == JobPhase.Waiting || stalled is not null;

    /// <summary>Whether members wait for somebody who has the state.</summary>
    private bool IsStateLost => stalled is not null && search.IsLost && State.Phase == JobPhase.Active;

    /// <summary>
    /// While members wait for somebody with the state, any gpu may belong to the worker that has it: those that were excluded are asked
    /// for by name, and as many again as the job has ranks three times over, since a job that was loaded anew has forgotten the names.
    /// </summary>
    private int Wanted => context.IsOver ? 0
        : RoomFor(State.Members) + Replacements + (IsStateLost ? (3 * State.Spec.Ranks) + exclusions.Gpus.Count : 0);

    private TimeSpan DecisionPause => JobPace.DecisionPause(State.Members.Count);

    /// <summary>
    /// The message brought one member forward, or was no news, no deadline has passed, and there are others to wait for: then all that
    /// could be decided was decided before. To look at every member after the word of each would, with thousands, cost more than the
    /// recovery itself.
    /// </summary>
    private bool IsUnmoved => !context.IsDirty && !(Now >= NextDeadline) && State.Phase != JobPhase.Waiting && !round.IsComplete;

    /// <inheritdoc/>
    public void Handle(TimeSpan now, GrainMessage message, Outputs outputs)
    {
        context.BeginTurn(now, outputs, isDirty: message is not (NodeLinkReported or WorkerReported
        {
            Report: RankState or PlanTaken or RankAdvanced or PeerAccused or StepsApplied or RankFinished or RankReleased or RankPreparing
                or CheckpointPartSaved,
        }));
        Take(message);
        if (!context.IsSubmitted || IsUnmoved)
            return;
        if (now < decidedAt + DecisionPause && !(message is WorkerReported { Report: RankState } && round.IsComplete))
        {
            // Whatever else is due waits for that too.
            NextDeadline = decidedAt + DecisionPause;
            return;
        }

        decidedAt = now;
        if (!context.IsOver)
        {
            Decide();
            LetDrainedGo();
        }

        if (!context.IsOver && IsTraining)
            checkpoints.Decide();
        RepeatRequests();
        releases.Repeat();
        NextDeadline = FindNextDeadline();
    }

    private void Take(GrainMessage message)
    {
        switch (message)
        {
            case Activated activated:
                OnActivated(activated);
                break;
            case SubmitJob submit when !context.IsSubmitted:
                OnSubmitted(submit.Spec);
                break;
            case var _ when !context.IsSubmitted:
                break;
            case CancelJob cancel when !context.IsOver:
                Fail(cancel.ReasonOfJob, FailureCause.Cancelled);
                break;
            case GpusOffered offered:
                OnOffered(offered);
                break;
            case NodeLinkReported link:
                OnLink(link.Node, links.Note(link.Node, link.Session, link.Connected, link.Silent, Now));
                break;
            case WorkerReported reported:
                OnReport(reported);
                break;
            case GpuWithdrawn withdrawn:
                OnWithdrawn(withdrawn);
                break;
            case ModelStored stored:
                OnModelStored(stored);
                break;
            case CheckpointWanted when !context.IsOver:
                checkpoints.Want();
                break;
            case ExtendJob wanted:
                OnExtended(wanted);
                break;
        }
    }

    private void OnActivated(Activated activated)
    {
        context.Activate();
        submittedAt = Now;
        if (!context.IsSubmitted)
            return;

        // How long ago the faults were nobody knows; they count as those of now.
        context.Persist(State with
        {
            Incarnation = State.Incarnation + 1,
            Faults = [.. State.Faults.Select(fault => fault with { At = Now })],
        });
        records.Reset(State.Recorded);
        soleHolder.Activate();
        parking.Activate();
        if (State.Planned)
        {
            // All of them trained in this generation. One that has begun anew since then says that the membership is unknown to it.
            plans.NoteLoaded();
            foreach (var member in State.Members)
                round.Delivery.NoteKnown(member.Gpu.Node, State.Generation);
        }

        checkpoints.Activate();
        lastProgress = Now;
        context.Observe(EventKinds.JobActivated, $"loaded by silo {activated.Silo} as incarnation {State.Incarnation}");
        if (context.IsOver)
        {
            foreach (var member in State.Members)
                releases.Begin(member.Gpu, State.Reason);
        }
        else if (State.Phase == JobPhase.Active && !State.Planned)
        {
            recovery.Ask($"silo {activated.Silo} found generation {State.Generation} half formed");
        }
    }

    private void OnSubmitted(JobSpec spec)
    {
        context.Persist(new TrainingJobState
        {
            Spec = spec,
            Incarnation = 1,
            Phase = JobPhase.Waiting,
            Reason = $"waiting for {Counted.Of(spec.Ranks, "gpu")}",
        });
        submittedAt = Now;
        var training = spec.Training;
        context.Observe(EventKinds.JobSubmitted,
            $"{spec.Model.Program}, {training.Steps} steps, batch {training.BatchSize} in {training.Shards} shards, "
                + $"{Counted.Of(spec.Ranks, "rank")}",
            numbers: new SortedDictionary<string, double> { ["ranks"] = spec.Ranks, ["steps"] = training.Steps });
        if (NoPromise is { } why)
            context.Observe(EventKinds.PromiseEnded, why);
    }

    private void OnOffered(GpusOffered offered)
    {
        if (!offers.Take(offered))
            return;
        foreach (var offer in offered.Gpus)
            NoteIndirectly(offer.Gpu.Node, offer.Session, offer.NodeUp ?? offer.Up);

        // Members that the cluster wants back, for want of power or cooling, leave like those that an operator must see to.
        foreach (var offer in offers.Values.Where(offer => offer.GiveBack is not null && IsMember(offer) && !context.IsOver))
            GiveBack(offer);
        departures.StayWhereAllowed(offers.All);
        offers.NoteShortage(offered.Supply, NeedsWhoeverComes);
        if (offers.All.Count < Wanted)
            offers.RequestMore();
    }

    private void GiveBack(GpuOffer offer)
    {
        departures.NoteGivingBack(offer.Gpu);
        if (offer.Drained)
            departures.NoteDrained(offer.Gpu);
        Leave(offer.Gpu, offer.GiveBack!, offer.Drained ? LeaveCause.Drained : LeaveCause.GivenBack);
    }

    private void NoteIndirectly(NodeId node, WorkerSession session, bool connected) =>
        OnLink(node, links.NoteIndirect(node, session, connected, Now, JobPace.IndirectEvidence(State.Members.Count)));

    /// <summary>
    /// The connection of a node changed. Where a member's own process came up nobody fails by that, and a member is no candidate; where it
    /// went down that only sets a time. Silos die, and then thousands of these come one after the other: each costs the same however many
    /// members there are. Anything else is looked at.
    /// </summary>
    private void OnLink(NodeId node, NodeLink? link)
    {
        if (link is null)
            return;
        departures.ForgetEnding(node, link.Session.Boot);
        if (link.Connected && round.IsOpen)
            round.AskAgain(node);
        if (context.IsDirty || stalled is not null || !context.HasNode(node) || releases.IsPendingOn(node))
        {
            context.MarkDirty();
            return;
        }

        foreach (var member in context.MembersOn(node))
        {
            if (member.Boot != link.Session.Boot || (!link.Connected && TimeoutOf(member, link) is { } at && Now >= at))
            {
                context.MarkDirty();
                return;
            }

            if (!link.Connected && TimeoutOf(member, link) is { } later && !(NextDeadline <= later))
                NextDeadline = later;
        }
    }

    /// <summary>
    /// A gpu that asks for a reset, say, computes rightly as far as anybody knows: it leaves when no work is lost, like a worker that is
    /// asked to end.
    /// </summary>
    private void OnWithdrawn(GpuWithdrawn withdrawn)
    {
        if (!context.IsOver && context.MemberOf(withdrawn.Gpu) is not null)
            Leave(withdrawn.Gpu, withdrawn.Reason, LeaveCause.Withdrawn);
    }

    private void Leave(GpuId gpu, string reason, string cause)
    {
        if (departures.Add(gpu, reason, cause) && RoomFor(State.Members) > State.Spec.Ranks)
            offers.RequestNow();
    }

    private int RoomFor(IReadOnlyList<Member> members) => departures.RoomFor(members, parking.IsWanted);

    /// <summary>Whether the offer is a member in the process that was offered; a member's new process is a newcomer.</summary>
    private bool IsMember(GpuOffer offer) => context.MemberOf(offer.Gpu) is { } member && member.Boot == offer.Session.Boot;

    /// <summary>Whether a release tells its worker that the state is of no more use.</summary>
    private bool MayForget(GpuId gpu) =>
        context.IsOver || (parking.IsStateHeld && (departures.IsEnding(gpu) || (handovers.Has(gpu) && context.MemberOf(gpu) is null)));

    /// <summary>All members hold the state now: processes beside them that were asked to end are told that they may.</summary>
    private void LetGo()
    {
        foreach (var (gpu, reason) in departures.EndingStrangers)
        {
            releases.End(gpu);
            releases.Begin(gpu, reason);
        }
    }

    /// <summary>Members, and drained gpus that were until others hold the state.</summary>
    private GpuId[] Used => handovers.Gpus.Count == 0
        ? [.. State.Members.Select(member => member.Gpu)]
        : [.. State.Members.Select(member => member.Gpu).Union(handovers.Gpus).Order()];

    /// <summary>A job that was loaded anew tells them again: what it said of its releases before is not stored.</summary>
    private void LetDrainedGo()
    {
        if (context.IsOver || !parking.IsStateHeld || handovers.Gpus.Count == 0)
            return;
        if (handovers.Keep(offers.All))
            offers.RequestNow();
        handovers.TellAll(gpu => offers.All.TryGetValue(gpu, out var offer) ? offer.GiveBack : null);
        if (handovers.LetGo())
            offers.RequestNow();
    }

    private void RepeatRequests()
    {
        if (offers.NextRequest() is not { } number)
            return;
        context.Send(GrainAddress.Cluster, new GpusRequested(
            context.Id, State.Incarnation, number, Wanted,
            context.IsOver ? [] : Used,
            IsStateLost ? [.. exclusions.Gpus] : [])
        {
            DeviceClass = State.DeviceClass ?? State.Spec.DeviceClass,
            Priority = State.Spec.Priority,

            // Whoever looks for its state takes every gpu that may have it.
            Minimum = IsStateLost ? 1 : State.Spec.MinRanks,
            Parked = parking.CountsAsParked,
            Heard = offers.Newest,
            OneHolder = soleHolder.Gpu is not null,
        });
    }

    /// <summary>When a member fails for want of an answer or of progress; null: not for that.</summary>
    private TimeSpan? TimeoutOf(Member member, NodeLink? link)
    {
        if (round.IsOpen)
        {
            if (round.HasAnswered(member.Gpu))
                return null;
            var due = round.DueBy(link);
            return !GenerationRound.IsCutOff(link) && preparations.Of(member) is { } preparation
                ? JobPace.Later(due, preparations.PatienceWith(preparation)) : due;
        }

        // While others report progress in this generation nobody is excluded for silence towards the silo.
        if (stalled is not null || completion.Has(member.Gpu) || (link?.Connected ?? false))
            return null;
        var patience = JobPace.Later(State.Spec.FaultTolerance.ProgressTimeout, TimeSpan.FromMilliseconds(3 * records.LastStepMs));
        var since = JobPace.Later(link?.Since ?? context.ActivatedAt + JobPace.Arrival(State.Members.Count), lastProgress);
        return JobPace.Later(since, context.ActivatedAt) + patience;
    }

    /// <summary>The earliest time at which the machine would do something by itself.</summary>
    private TimeSpan? FindNextDeadline()
    {
        var next = offers.RequestAt;
        Consider(releases.Next, andPast: true);
        if (context.IsOver)
            return next;
        if (State.Phase == JobPhase.Waiting)
        {
            Consider(submittedAt + State.Spec.FaultTolerance.StartTimeout);
            Consider(search.Deadline);
        }

        Consider(candidatesSince + JoinGather);
        Consider(initialStates.Until);
        foreach (var end in exclusions.Ends)
            Consider(end);
        foreach (var end in preparations.AsideEnds)
            Consider(end);
        Consider(IsTraining ? checkpoints.NextDeadline : null);
        if (State.Phase == JobPhase.Active)
        {
            Consider(evidence.HardDue);
            Consider(evidence.SoftDue);
            Consider(gather.Due);
            if (stalled is not null)
            {
                Consider(search.Deadline);
                Consider(search.RestoreDue);
            }
            else if (round.IsOpen || plans.IsResuming)
            {
                Consider(round.AskAt);
            }
            Consider(preparations.NextAside);
            foreach (var (member, link) in links.With(State.Members))
                Consider(TimeoutOf(member, link), andPast: gather.Due is null);
        }

        return next;

        void Consider(TimeSpan? at, bool andPast = false)
        {
            if (at is { } time && (andPast || time > Now) && (next is null || time < next))
                next = time;
        }
    }
}
