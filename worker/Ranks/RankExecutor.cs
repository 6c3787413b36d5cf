using System.Security.Cryptography;
using Coordinator.Machines;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Faults;
using Coordinator.Worker.Transport;

namespace Coordinator.Worker.Ranks;

/// <summary>
/// Does what a rank's machine asks for. It holds P (own partial sums by subtree), staging (others' contributions, by handle) and R; P, R
/// and the state lie where the device keeps them. All members are called by the rank's loop; what computes, or writes the state, runs
/// on the device's thread, in order, and answers by an input.
/// <para>
/// P is written by <see cref="KeepGradient"/> and <see cref="MergeSubtrees"/> alone: reducing reads it, so that the rank can contribute
/// again if an owner dies with what it gathered.
/// </para>
/// A device that is lost is told to the machine once, and disposed of by <see cref="EndDevice"/>; what the machine asks of it afterwards is
/// answered with the loss again.
/// </summary>
public sealed partial class RankExecutor : IDisposable
{
    /// <summary>A program may wait for its data, and has so many times as long before it counts as hanging.</summary>
    private const int ProgramPatience = 4;

    private readonly RankHostOptions options;
    private readonly IRankDevice device;
    private readonly IRankOutlet outlet;
    private readonly FaultPlan faults;
    private readonly Action<HostInput> answer;
    private readonly DeviceThread deviceThread;
    private readonly DeviceWatch watch;
    private readonly CancellationTokenSource ended = new();
    private readonly StateSaver saver;
    private readonly FinalModel finalModel;
    private readonly NonfiniteNumbers numbers;

    private readonly int blockElements;
    private readonly BlockPool statePool;
    private readonly TreeSum treeSum;
    private readonly List<TreePart> treeParts = [];
    private readonly PartialSums partials;
    private readonly Dictionary<long, PooledBlock> payloads = [];
    private readonly Dictionary<long, FrameHeader> staged = [];
    private readonly Dictionary<long, (DeviceGradient Gradient, long Step)> computed = [];
    private readonly ReducedGradient reduced;
    private long nextPayload;
    private long? computing;
    private long computingStep;
    private CancellationTokenSource? cancelComputing;
    private int stateJobs;
    private long lastAppliedTicks;
    private long lastStep;
    private volatile string? lost;
    private FaultKind lostKind;
    private bool deviceEnded;
    private bool isHanging;

    /// <summary>An executor without any numbers yet. It disposes of the device at its end.</summary>
    internal RankExecutor(
        RankHostOptions options, IRankDevice device, IRankOutlet outlet, IModelSink models, FaultPlan faults, IWorkerLog log,
        SerialTaskPool threads, Action<HostInput> answer)
    {
        (this.options, this.device, this.outlet, this.faults, this.answer) = (options, device, outlet, faults, answer);
        blockElements = options.Spec.Collective.BlockElements;
        statePool = new BlockPool(blockElements * sizeof(float), keep: 64);
        treeSum = new TreeSum(blockElements);
        partials = new PartialSums(device, blockElements);
        reduced = new ReducedGradient(device.CreateGradient(), blockElements);
        var least = options.Spec.FaultTolerance.HangTime;
        watch = new DeviceWatch(options.Spec.Program is null ? least : least * ProgramPatience);
        deviceThread = new DeviceThread(threads, Failed);
        lastAppliedTicks = Monotonic.Now.Ticks;
        saver = new StateSaver(options, device, numbers = new NonfiniteNumbers(device), faults, PostState, input => answer(input));
        finalModel = new FinalModel(options, device, models, log, PostState, ended.Token);
    }

    /// <summary>The job's last step, as the newest plan has it.</summary>
    public long LastStep
    {
        get => Interlocked.Read(ref lastStep);
        set => Interlocked.Exchange(ref lastStep, value);
    }

    /// <summary>The rank's number, as the newest plan has it.</summary>
    public void TakeRank(int rank) => device.TakeRank(rank);

    /// <summary>Steps up to here are recorded, by the timeline of the newest plan.</summary>
    public void TakeRecorded(long through) => device.TakeRecorded(through);

    /// <summary>What the device does beside the rank's steps; null: nothing. Any thread may ask.</summary>
    public string? DeviceActivity => lost is null ? device.Activity : null;

    /// <summary>P; for tests.</summary>
    public PartialSums Partials => partials;

    /// <summary>
    /// The device's own words, once it was lost, those of its program, or of the data that it cannot read any more; null before. Any thread
    /// may ask.
    /// </summary>
    public string? DeviceLoss => lost;

    /// <summary>R; for tests.</summary>
    public ReducedGradient Reduced => reduced;

    /// <summary>Takes over a received payload and names it. 0 where there is none.</summary>
    public long Hold(PooledBlock? payload)
    {
        if (payload is null)
            return 0;
        payloads.Add(++nextPayload, payload);
        return nextPayload;
    }

    /// <summary>Elements of a block of the gradient (<paramref name="ofState"/>: of the state); 0 where there is no such block.</summary>
    public int BlockLength(int block, bool ofState)
    {
        var all = ofState ? device.StateElements : device.ParameterCount;
        return (int)Math.Clamp(all - ((long)block * blockElements), 0, blockElements);
    }

    /// <summary>The device has ended a shard. True where the machine still wants it and is to be told.</summary>
    internal bool TakeGradient(long ticket, ComputedShard shard)
    {
        // What a call that hung has left comes while another thread gives the device's memory back.
        if (isHanging)
            return false;
        var gradient = shard.Gradient;
        if (computing != ticket || shard.Result is not { } done)
        {
            partials.Return(gradient);
            return false;
        }

        (gradient.Loss, gradient.Targets) = (done.LossSum, done.Targets);
        computed[ticket] = (gradient, computingStep);
        return true;
    }

    /// <summary>Carries out one output.</summary>
    /// <exception cref="InvalidOperationException">The output names what is not there: an invariant of the machine is broken.</exception>
    public void Execute(RankOutput output)
    {
        if (lost is { } loss)
        {
            ExecuteWithoutDevice(output, loss);
            return;
        }

        try
        {
            ExecuteWithDevice(output);
        }
        catch (DeviceLostException e)
        {
            Failed(e);
        }
    }

    /// <summary>The rank is asked for its state, and answers when a checkpoint that it may be loading is read or given up.</summary>
    public void Hurry() => saver.Hurry();

    /// <summary>What a checkpoint that is being read would bring is of no use any more: nothing of it is written from now on.</summary>
    public void AbandonLoad() => saver.Dispose();

    private void ExecuteWithDevice(RankOutput output)
    {
        // The machine has one task at a time write the state: a load that still reads was given up when the device failed.
        if (output is InitializeState or StoreState or ApplyStep)
            AbandonLoad();
        switch (output)
        {
            case TellJob tell:
                outlet.Tell(tell.Message);
                break;
            case InitializeState initialize:
                PostState(() =>
                {
                    device.Initialize();
                    answer(new StateInitialized(initialize.Ticket));
                });
                break;
            case ComputeShard compute:
                Compute(compute);
                break;
            case CancelComputing:
                Cancel();
                break;
            case KeepGradient keep:
                Keep(keep);
                break;
            case MergeSubtrees merge:
                partials.Merge(merge.Left, merge.Right);
                break;
            case PublishSubtree publish:
                partials[publish.Subtree].BeginDownload();
                break;
            case DropSubtree drop:
                partials.Drop(drop.Subtree);
                break;
            case SendFrame send:
                Send(send);
                break;
            case StageContribution stage:
                staged[stage.Payload] = stage.Header;
                break;
            case ReleasePayload release:
                Release(release.Payload);
                break;
            case ReduceBlock reduce:
                Reduce(reduce);
                break;
            case StoreReduced store:
                Payload(store.Payload).Floats.CopyTo(reduced.Block(store.Header.Block));
                reduced.Finish(store.Header.Block, store.Header.SumOfSquares, store.Header.Loss, store.Header.Targets);
                break;
            case StoreState store:
                Store(store);
                break;
            case ApplyStep apply:
                Apply(apply);
                break;
            case SaveState save:
                saver.Save(save);
                break;
            case LoadState load:
                saver.Load(load);
                break;
            case HashState hash:
                PostState(() =>
                {
                    device.Complete(LastStep);
                    answer(Hash(hash));
                });
                break;
            case StoreModel store:
                finalModel.Store(store.Step);
                break;
            case ForgetState:
                partials.Forget();
                break;
            default:
                throw new InvalidOperationException($"a rank's host does not know {output.GetType().Name}");
        }
    }

    /// <summary>Ends the device's thread and the device. Waits for the computing under way, which is cancelled.</summary>
    public void Dispose()
    {
        ended.Cancel();
        saver.Dispose();
        cancelComputing?.Cancel();
        if (!deviceEnded)
        {
            device.Abandon();
            deviceThread.Dispose();
        }

        foreach (var payload in payloads.Values)
            payload.Release();
        payloads.Clear();
        try
        {
            Task.WaitAll([finalModel.Storing, saver.Writing], TimeSpan.FromSeconds(2));
        }
        catch (AggregateException)
        {
            // It was logged where it failed.
        }

        EndDevice();
        cancelComputing?.Dispose();
        ended.Dispose();
    }

    private void Compute(ComputeShard compute)
    {
        var gradient = partials.Rent();
        cancelComputing?.Dispose();
        cancelComputing = new CancellationTokenSource();
        var cancel = cancelComputing.Token;
        computing = compute.Ticket;
        computingStep = compute.Step;
        deviceThread.Post(() =>
        {
            ShardResult? result = null;
            try
            {
                if (!cancel.IsCancellationRequested)
                {
                    faults.Computing(compute.Step, cancel);
                    result = watch.Run(
                        "shard",
                        $"shard {compute.Shard} of step {compute.Step}",
                        () =>
                        {
                            faults.Hang(FaultPoint.Compute, compute.Step);
                            return device.ComputeShard(compute.Step, compute.Shard, gradient, cancel);
                        });
                }
            }
            catch (OperationCanceledException)
            {
                // Its buffer goes back all the same.
            }

            answer(new HostInput(new ShardComputed(compute.Ticket)) { Shard = new ComputedShard(gradient, result) });
        });
    }

    private void Cancel()
    {
        cancelComputing?.Cancel();
        if (computing is { } ticket && computed.Remove(ticket, out var unkept))
            partials.Return(unkept.Gradient);
        computing = null;
    }

    private void Keep(KeepGradient keep)
    {
        if (!computed.Remove(keep.Ticket, out var done))
            throw new InvalidOperationException($"nothing was computed under ticket {keep.Ticket}");
        computing = null;
        faults.GradientKept(done.Step, done.Gradient);
        partials.Keep(keep.Leaf, done.Gradient);
    }

    private PooledBlock Payload(long handle) =>
        payloads.TryGetValue(handle, out var payload) ? payload : throw new InvalidOperationException($"there is no payload {handle}");

    private void Release(long handle)
    {
        staged.Remove(handle);
        if (payloads.Remove(handle, out var payload))
            payload.Release();
    }

    private void Send(SendFrame send)
    {
        var header = send.Header;
        switch (send.Source)
        {
            case PayloadSource.None:
                outlet.Send(header, OutgoingPayload.None);
                break;
            case PayloadSource.Partial:
                if (header.Block == 0)
                    header = header with { Loss = partials[header.Subtree].Loss, Targets = partials[header.Subtree].Targets };
                outlet.Send(header, new OutgoingPayload(partials.Block(header.Subtree, header.Block, reduced.LengthOf(header.Block))));
                break;
            case PayloadSource.Reduced:
                header = header with { SumOfSquares = reduced.SumOfSquaresOf(header.Block) };
                if (header.Block == 0)
                    header = header with { Loss = reduced.Loss, Targets = reduced.Targets };
                outlet.Send(header, new OutgoingPayload(reduced.Segment(header.Block)));
                break;
            case PayloadSource.State:
                // Reading may go on beside computing. What is to change the state first is on the device's thread: then so is the reading.
                if (Volatile.Read(ref stateJobs) == 0)
                    SendState(header);
                else
                    PostState(() => SendState(header));
                break;
        }
    }

    private void SendState(FrameHeader header)
    {
        var block = statePool.Rent(BlockLength(header.Block, ofState: true) * sizeof(float));
        device.ReadState((long)header.Block * blockElements, block.Floats);
        outlet.Send(header, OutgoingPayload.From(block));
    }

    private void Reduce(ReduceBlock reduce)
    {
        var length = reduced.LengthOf(reduce.Block);
        treeParts.Clear();
        foreach (var part in reduce.Parts)
        {
            if (part.Payload == 0)
            {
                var own = partials[part.Subtree];
                treeParts.Add(new TreePart(part.Subtree, partials.Block(part.Subtree, reduce.Block, length), own.Loss, own.Targets));
            }
            else
            {
                var header = staged[part.Payload];
                treeParts.Add(new TreePart(part.Subtree, Payload(part.Payload).Segment, header.Loss, header.Targets));
            }
        }

        var (loss, targets) = treeSum.Sum(options.Spec.Training.Shards, treeParts, reduced.Block(reduce.Block));
        reduced.Finish(reduce.Block, loss, targets);
    }

    private void Store(StoreState store)
    {
        // The machine releases the payload at once; the device's thread may need it a little longer.
        var payload = Payload(store.Payload);
        payload.Retain();
        var header = store.Header;
        PostState(() =>
        {
            device.WriteState((long)header.Block * blockElements, payload.Floats);
            payload.Release();
            faults.StateStored(header.Generation);
        });
    }

    private void Apply(ApplyStep apply) => PostState(() =>
    {
        faults.Applying(apply.Step);
        var targets = reduced.Targets;
        var norm = watch.Run(
            "update",
            $"the update of step {apply.Step}",
            () =>
            {
                faults.Hang(FaultPoint.Apply, apply.Step);
                return device.ApplyStep(apply.Step, reduced.Whole, reduced.TotalSumOfSquares(), targets);
            });
        if (apply.Step == LastStep)
            faults.Finished();
        var now = Monotonic.Now.Ticks;
        var took = TimeSpan.FromTicks(now - lastAppliedTicks);
        lastAppliedTicks = now;
        var loss = targets == 0 ? 0 : reduced.Loss / targets;
        var record = new StepRecord(apply.Step, apply.Generation, loss, norm, took.TotalMilliseconds, targets);
        answer(new HostInput(new StepFinished(apply.Ticket, apply.Step)) { Applied = record });
    });

    private StateHashed Hash(HashState order)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var nonfinite = 0L;
        for (var block = 0; BlockLength(block, ofState: true) is > 0 and var length; block++)
        {
            var copy = statePool.Rent(length * sizeof(float));
            device.ReadState((long)block * blockElements, copy.Floats);
            hash.AppendData(copy.Segment);
            nonfinite += numbers.Count((long)block * blockElements, copy.Floats);
            copy.Release();
        }

        return new StateHashed(order.Ticket, Convert.ToHexStringLower(hash.GetHashAndReset()), nonfinite);
    }

    /// <summary>Runs on the device's thread what touches the state.</summary>
    private void PostState(Action job)
    {
        Interlocked.Increment(ref stateJobs);
        deviceThread.Post(() =>
        {
            try
            {
                job();
            }
            finally
            {
                Interlocked.Decrement(ref stateJobs);
            }
        });
    }
}
