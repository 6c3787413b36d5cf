using Coordinator.Machines;
using Coordinator.Simulator.Checks;
using Coordinator.Simulator.Faults;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Workers;

/// <summary>
/// Hosts one rank's machine: carries out its outputs on the toy numbers, in order and with the delays of a device, and checks every
/// one of them against the serial run, the plan and the promise.
/// </summary>
internal sealed partial class SimulatedRank
{
    private readonly SimulatedWorker process;
    private readonly RankMachine machine;
    private readonly RankMemory memory;
    private readonly RankGuard guard;
    private readonly List<RankOutput> outputs = [];
    private TimeSpan deviceFree;
    private long deviceWork;
    private long deviceLife;
    private long handles;
    private long timer;
    private readonly string name;
    private bool handling;
    private bool isFetching;
    private readonly string identity;
    private RankOrder? arriving;

    public SimulatedRank(SimulatedWorker process, JobId job, GpuId gpu)
    {
        (this.process, Job, Gpu, name) = (process, job, gpu, gpu.ToString());
        memory = new RankMemory(process.Model);
        guard = new RankGuard(process.Checkers, process.Model, memory, gpu);
        records = new UnrecordedSteps(process, this);
        identity = process.Programs?.NextIdentity(process) ?? "";
        machine = new RankMachine(new RankOptions
        {
            Job = job,
            Gpu = gpu,
            Boot = process.Boot,
            Shards = process.Model.Shards,
            Steps = process.Scenario.SubmittedSteps,
            ReducedBlocks = process.Model.ReducedBlocks,
            StateBlocks = process.Model.StateBlocks,
            WindowBlocks = process.Scenario.Spec.Collective.WindowBlocks,
            Identity = identity,
        });
    }

    public JobId Job { get; }
    public GpuId Gpu { get; }
    public long Generation => machine.Generation;
    public bool IsIdle => machine.Activity == "idle";
    public string Activity => staleActivity ?? machine.Activity;

    /// <summary>Whether it was released, and has or makes a state all the same: kept for a quick return.</summary>
    public bool IsKept => guard.IsReleased && (memory.StateStep >= 0 || memory.IsWriting);

    /// <summary>Whether it has gone home, and only its device, which nothing can stop, still writes a state.</summary>
    public bool IsOutlasted => guard.IsReleased && memory.IsWriting;

    /// <summary>Whether a question waits until its device has written the state.</summary>
    public bool IsAsked => guard.IsAsked;

    /// <summary>Whether its device makes or loads a state, or applies a step.</summary>
    public bool IsInitializing => memory.Initializing;
    public bool IsApplying => memory.Applying;

    /// <summary>Whether the process may end, as far as this rank goes.</summary>
    public bool MayEnd => Plant == PlantedBug.EndsOnceReleased ? IsIdle : machine.MayEnd;
    public RankPosition Position => new(Gpu.Index, Job, machine.Generation, machine.Applied, Activity);

    /// <summary>The step of the state that this rank holds, or -1.</summary>
    public long HeldStep => memory.StateStep;

    /// <summary>Whether its program answers nothing, and will be ended for that.</summary>
    public bool IsHanging { get; private set; }

    private VirtualWorld World => process.World;

    private PlantedBug Plant => World.Options.Plant;

    public void OnOrder(RankOrder order, Membership? members)
    {
        World.Note(name, "ordered", order.Incarnation, order.Generation, order);
        process.Moments.Reach(
            order is PrepareRank ? Moment.PrepareReceived : order is RankPlan ? Moment.PlanReceived : Moment.Released, process);
        guard.OnOrder(order, members);
        if (order is RankPlan && !ProgramFaults.IsJobs(identity))
            process.Checkers.Fail(Invariants.PlanIsAuthority, $"{Gpu} is given a plan, and its program is {identity}");
        if (order is RankPlan plan)
            records.OnPlan(plan);
        else if (order is PrepareRank prepare)
            records.OnPrepare(prepare);
        arriving = order;
        Handle(new OrderArrived(Tamper(order, members), members));
        if (Plant == PlantedBug.FaultInvented && order is RankPlan { FirstStep: > 3 } && !planted)
        {
            planted = true;
            Do(new TellJob(new RankFaulted { Job = Job, Generation = order.Generation, Gpu = Gpu, Detail = "invented" }));
        }

        if (Plant == PlantedBug.AccusationKept
            && order is RankPlan
            && keptAccusation is { } kept
            && kept.Generation < order.Generation
            && members is not null
            && members.Members.Any(member => member.Gpu.Node == kept.Accused)
            && members.Members.Any(member => member.Gpu.Node == kept.Accuser))
        {
            Say(kept with { Generation = order.Generation });
        }
    }

    /// <summary>The process ends of its own accord.</summary>
    public void OnEnd() => guard.OnEnd();

    /// <summary>A fault: the program or device fails; what it was doing comes to nothing.</summary>
    public void FailDevice(string detail) => Fail(new DeviceFailed(detail));

    /// <summary>A fault: the program of this rank is of no more use, and its next one takes a while to start.</summary>
    public void FailProgram(string detail, TimeSpan start, bool disagrees)
    {
        Fail(new DeviceFailed(detail, FaultKind.Program) { Disagrees = disagrees });
        deviceFree = Later(start);
    }

    /// <summary>A fault: the program answers nothing, whatever it is asked, until its worker ends it.</summary>
    public void Hang(TimeSpan limit)
    {
        IsHanging = true;
        var life = ++deviceLife;
        process.Post(limit, () =>
        {
            if (life == deviceLife)
                FailProgram("the program said nothing for as long as it may", process.Programs!.NextStart(), disagrees: false);
        });
    }

    private void Fail(DeviceFailed failed)
    {
        IsHanging = false;
        deviceLife++;
        PlantAtFailure();
        guard.OnDeviceFailed();
        memory.Forget();
        memory.Applying = memory.Initializing = false;
        Handle(failed);
    }

    public void OnSiloReached()
    {
        Handle(new SiloReached());
        records.Repeat();
    }

    public void OnRecorded(int timeline, long through)
    {
        records.OnRecorded(timeline, through);
        Handle(new RecordsTaken(timeline, through));
    }

    public void OnFrame(FrameHeader header, ulong word, FrameHeader truth)
    {
        var handle = ++handles;
        memory.Payloads.Add(handle, (header, word, truth));
        if (header.Kind == FrameKind.State)
            process.Moments.Reach(Moment.StateReceived, process);
        guard.OnFrame(header);
        Handle(new FrameArrived(header, handle));
    }

    /// <summary>Hands the machine one input and carries out what it asks for.</summary>
    public void Handle(RankInput input)
    {
        if (handling)
            throw new InvalidOperationException("a rank's machine was entered twice");
        handling = true;
        if (input is PeerLost lost)
            guard.OnPeerLost(lost);
        owed = guard.IsAsked;
        var generation = machine.Generation;
        machine.Handle(process.Clock, input, outputs);
        handling = false;
        var due = outputs.ToArray();
        outputs.Clear();
        if (arriving is not null)
            guard.OnObeyed(arriving, due.Length > 0);
        if (arriving is PrepareRank && machine.Generation > generation)
            guard.OnAsked(machine.Generation);
        arriving = null;
        foreach (var output in due)
            Do(output);
        if (AnswersTooEarly)
            Do(new TellJob(WithoutState));
        guard.OnTurnEnded(Activity, machine.Generation, machine.Applied);
        staleActivity = null;
        var mine = ++timer;
        if (machine.NextDeadline is { } deadline)
        {
            process.Post(deadline - process.Clock, () =>
            {
                if (mine == timer)
                    Handle(new RankDeadlinePassed());
            }, timer: true);
        }
    }

    private void Do(RankOutput output)
    {
        if (output is not (TellJob or Machines.SendFrame or ReleasePayload or StageContribution or StoreReduced))
            World.Note(name, "does", 0, 0, output);
        switch (output)
        {
            case TellJob { Message: RankState } when Plant == PlantedBug.OwedAnswerForgotten && owed && !planted:
                planted = true;
                break;
            case TellJob said:
                var tell = said with { Message = Tamper(said.Message) };
                World.Note(name, "says", 0, 0, tell.Message);
                if (tell.Message is RankState answer)
                {
                    guard.OnAnswer(answer);
                    process.Moments.Reach(Moment.Answered, process);
                }
                else if (tell.Message is RankFinished finished)
                {
                    process.Checkers.Final.OnStateHash(Gpu, finished.Step, finished.StateSha256);
                    process.Checkers.Steps.OnFinished(Gpu, finished.Generation);
                }
                else if (tell.Message is RankFaulted fault)
                {
                    guard.OnFaulted(fault);
                }

                Say(tell.Message);
                if (Plant == PlantedBug.PromiseBroken && tell.Message is RankState { Held: [var first, ..] })
                {
                    guard.OnDrop(new DropSubtree(first));
                    var promised = memory.Partials[first];
                    memory.Partials[first] = promised with { Sum = ToyModel.Add(promised.Sum, promised.Sum) };
                }

                break;
            case InitializeState initialize:
                guard.OnInitialize(machine.Generation);
                guard.OnDiscarded();
                memory.Initializing = true;
                OnDevice(process.Scenario.ApplyTime * process.StateFactor, () =>
                {
                    memory.Initializing = false;
                    memory.SetState(process.Model.State(0), 0);
                    Handle(new StateInitialized(initialize.Ticket));
                });
                break;
            case ComputeShard compute:
                Compute(compute);
                break;
            case CancelComputing:
                deviceWork++;
                deviceFree = Later(process.Scenario.ShardTime / 8);
                break;
            case KeepGradient keep:
                guard.OnKeep(keep);
                memory.Computed.Remove(keep.Ticket, out var gradient);
                memory.Partials[keep.Leaf] = (gradient.Step, gradient.Sum);
                break;
            case MergeSubtrees merge:
                guard.OnMerge(merge);
                memory.Partials.Remove(merge.Right, out var right);
                memory.Partials.Remove(merge.Left, out var left);
                memory.Partials[merge.Left.Parent] = (left.Step, ToyModel.Add(left.Sum, right.Sum));
                break;
            case PublishSubtree publish:
                if (!memory.Partials.ContainsKey(publish.Subtree))
                    process.Checkers.Fail(Invariants.HostContract, $"{Gpu} publishes {publish.Subtree}, which P does not hold");
                break;
            case DropSubtree drop:
                guard.OnDrop(drop);
                memory.Partials.Remove(drop.Subtree);
                break;
            case SendFrame send:
                SendFrame(send);
                break;
            case StageContribution stage:
                guard.OnStage(stage);
                process.Moments.Reach(Moment.ContributionStaged, process);
                if (Plant == PlantedBug.ReducedOverwrittenEarly)
                    memory.Reduced[stage.Header.Block] = new ReducedBlock(stage.Header.Step, memory.Payloads[stage.Payload].Word, 0);
                break;
            case ReleasePayload kept when IsKeptByMistake(kept):
                break;
            case ReleasePayload release:
                if (!memory.Payloads.Remove(release.Payload))
                    process.Checkers.Fail(Invariants.HostContract, $"{Gpu} releases payload {release.Payload}, which it does not hold");
                break;
            case ReduceBlock reduce:
                Reduce(reduce);
                break;
            case StoreReduced store:
                guard.OnOverwriteReduced("stores a reduced block");
                var arrived = memory.Payloads[store.Payload];
                PutReduced(
                    store.Header.Block,
                    new ReducedBlock(store.Header.Step, arrived.Word, store.Header.SumOfSquares),
                    new Score(store.Header.Loss, store.Header.Targets));
                break;
            case StoreState store:
                guard.OnStoreState(store, machine.Generation);

                // What was there is kept until the first block of what takes its place.
                if (isFetching)
                    guard.OnDiscarded();
                isFetching = false;
                memory.State[store.Header.Block] = memory.Payloads[store.Payload].Word;
                memory.StateSteps[store.Header.Block] = store.Header.Step;
                guard.OnStateBlock();
                break;
            case ApplyStep apply:
                Apply(apply);
                break;
            case SaveState save:
                Save(save);
                break;
            case LoadState load:
                Load(load);
                break;
            case HashState hash:
                OnDevice(process.Scenario.ApplyTime, () => Handle(new StateHashed(hash.Ticket, ToyModel.Sha256(memory.State))));
                break;
            case StoreModel store:
                StoreModel(store.Step);
                break;
            case ForgetState:
                process.Network.OnGivingUp(process, this);
                guard.OnDiscarded();
                guard.OnForgotten();
                memory.Forget();
                break;
            default:
                throw new InvalidOperationException($"unknown output {output}");
        }
    }

    private void Say(WorkerMessage message)
    {
        if (message is PeerAccused accused)
        {
            guard.OnAccused(accused);
            keptAccusation ??= accused;
        }

        process.Agent.Say(message);
    }

    /// <summary>Queues work on the device, which does one thing at a time.</summary>
    private void OnDevice(TimeSpan duration, Action done)
    {
        if (IsHanging)
            return;
        deviceFree = Later(duration * process.ComputeFactor[Gpu.Index]);
        var life = deviceLife;
        process.Post(deviceFree - World.Now, () =>
        {
            // A device that failed meanwhile answers nothing.
            if (life == deviceLife)
                done();
        });
    }

    private TimeSpan Later(TimeSpan duration) => (deviceFree > World.Now ? deviceFree : World.Now) + duration;
}
