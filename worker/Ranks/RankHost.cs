using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Faults;
using Coordinator.Worker.Transport;

namespace Coordinator.Worker.Ranks;

/// <summary>
/// Drives one rank's machine: one input after another is taken, handed in, and what the machine asks for is carried out before the next
/// is taken. That happens on one thread at a time, which other ranks of the worker may share. What belongs to a generation that the machine
/// has not been ordered into yet waits.
/// </summary>
public sealed class RankHost : IFrameSink, IDisposable
{
    private readonly RankHostOptions options;
    private readonly IRankMachine machine;
    private readonly IRankOutlet outlet;
    private readonly IWorkerLog log;
    private readonly InputQueue inputs = new();
    private readonly RankExecutor executor;
    private readonly StepReporter reporter;
    private readonly List<RankOutput> outputs = [];
    private readonly Queue<HostInput> early = [];
    private readonly SerialTask loop;
    private readonly RankThreads? ownThreads;
    private readonly TaskCompletionSource<Exception?> over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private RankPosition position;
    private (int Timeline, long Through) recorded;
    private int disposed;

    /// <summary>Inputs that a rank takes before others on its thread have their turn.</summary>
    private const int InputsInARow = 32;

    /// <summary>
    /// A rank on <paramref name="device"/>, which the host disposes of at its end, or at once where this throws. It computes nothing before
    /// a plan says so.
    /// Without <paramref name="threads"/> it has its own.
    /// </summary>
    public RankHost(
        RankHostOptions options,
        IRankDevice device,
        IRankOutlet outlet,
        IModelSink models,
        FaultPlan faults,
        IWorkerLog log,
        Func<RankOptions, IRankMachine>? machine = null,
        RankThreads? threads = null)
    {
        (this.options, this.outlet, this.log) = (options, outlet, log);
        var forMachine = options.ForMachine(device);
        this.machine = machine?.Invoke(forMachine) ?? new RankMachine(forMachine);
        reporter = new StepReporter(options.Job, options.Spec.Training.Steps);
        position = new RankPosition(options.Gpu.Index, options.Job, 0, -1, "idle");
        ownThreads = threads is null ? RankThreads.Own(options.Gpu.ToString()) : null;
        threads ??= ownThreads!;
        loop = new SerialTask(threads.Loops, Run);
        try
        {
            executor = new RankExecutor(options, device, outlet, models, faults, log, threads.Devices, Post);
        }
        catch
        {
            // Its first gradient may be what there is no memory for: the next attempt must find what this one took.
            device.Dispose();
            ownThreads?.Dispose();
            throw;
        }
    }

    /// <summary>Where the rank is, and what it does, for heartbeats. Any thread may ask.</summary>
    public RankPosition Position
    {
        get
        {
            var now = Volatile.Read(ref position);
            return executor.DeviceActivity is { } activity ? now with { Activity = activity } : now;
        }
    }

    /// <summary>Ends with the rank: null at an ordinary end, else the broken invariant that ended it.</summary>
    public Task<Exception?> Over => over.Task;

    /// <summary>
    /// Whether the device is lost: this host only says so, and whoever wants a rank on the gpu again makes another. Any thread may ask.
    /// </summary>
    public bool HasLostDevice => executor.DeviceLoss is not null;

    private JobSpec Spec => options.Spec;

    /// <summary>Hands an input to the machine, after those that came before. Any thread may call it.</summary>
    public void Post(RankInput input) => Post(new HostInput(input));

    private void Post(HostInput input)
    {
        if (inputs.Add(input))
            loop.Wake();
    }

    /// <inheritdoc/>
    public void PeerLost(NodeId node, long generation, Evidence evidence, string detail, bool unreached) =>
        Post(new PeerLost(node, generation, evidence, detail) { Unreached = unreached });

    /// <inheritdoc/>
    public string? Accept(in FrameHeader header, PooledBlock? payload)
    {
        if (WhyImpossible(header) is { } reason)
            return reason;
        if (inputs.Add(new HostInput(new FrameArrived(header, Payload: 0)) { Payload = payload }))
            loop.Wake();
        else
            payload?.Release();
        return null;
    }

    /// <summary>Ends the rank and its device; when it returns neither runs any more, and no thread of the host's own is left.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
            return;
        foreach (var input in inputs.Close())
            input.Payload?.Release();
        loop.End();
        executor.Dispose();
        ownThreads?.Dispose();
        foreach (var frame in early)
            frame.Payload?.Release();
        early.Clear();
        over.TrySetResult(null);
    }

    /// <summary>What no correct peer would send, whatever the state of this rank.</summary>
    private string? WhyImpossible(in FrameHeader header)
    {
        if (header.Subtree.End > Spec.Training.Shards)
            return $"a frame with subtree {header.Subtree}; the job has {Spec.Training.Shards} shards";
        if (header.Kind == FrameKind.Contribution && header.Subtree.Size == 0)
            return "a contribution without subtree";
        if (header.PayloadBytes == 0)
            return null;
        var expected = executor.BlockLength(header.Block, header.Kind == FrameKind.State) * sizeof(float);
        return header.PayloadBytes == expected
            ? null
            : $"block {header.Block} of a {header.Kind} frame has {header.PayloadBytes} bytes instead of {expected}";
    }

    /// <summary>Takes some of the inputs that wait; then what is due by time.</summary>
    private void Run()
    {
        try
        {
            for (var taken = 0; !inputs.Closed; taken++)
            {
                if (taken == InputsInARow)
                {
                    loop.Wake();
                    return;
                }

                var some = inputs.TryTake(out var input);
                if (some)
                    Take(input);
                if (machine.NextDeadline is { } deadline && deadline <= Monotonic.Now)
                    Turn(new RankDeadlinePassed());
                if (reporter.Due(Monotonic.Now) is { } report)
                    outlet.Tell(report);
                if (executor.NextLook is { } look && look <= Monotonic.Now)
                    executor.LookForHang(Monotonic.Now);
                if (some)
                    continue;
                loop.WakeAt(Earlier(executor.NextLook, Earlier(machine.NextDeadline, reporter.NextDue)));
                return;
            }
        }
        catch (Exception e)
        {
            log.Warn($"rank {options.Gpu} of {options.Job} ended: {e}");
            foreach (var left in inputs.Close())
                left.Payload?.Release();
            over.TrySetResult(e);
        }
    }

    private void Take(HostInput taken)
    {
        switch (taken.Input)
        {
            case FrameArrived frame when frame.Header.Generation > machine.Generation:
                early.Enqueue(taken);
                break;
            case FrameArrived frame:
                TakeFrame(frame, taken.Payload);
                break;
            case ShardComputed computed when taken.Shard is { } shard:
                if (executor.TakeGradient(computed.Ticket, shard))
                    Turn(computed);
                break;
            case DeviceFailed failed:
                executor.AbandonLoad();
                if (executor.DeviceLoss is not null)
                    executor.EndDevice();
                Turn(failed);
                break;
            case StepFinished finished:
                Turn(finished, taken.Applied);
                break;
            case OrderArrived order:
                TakeOrder(order);
                break;
            case RecordsTaken records:
                reporter.Recorded(records.Timeline, records.Through);
                NoteRecorded(records.Timeline, records.Through);
                Turn(records);
                break;
            case SiloReached reached:
                reporter.Again(Monotonic.Now);
                Turn(reached);
                break;
            case var input:
                Turn(input);
                break;
        }
    }

    private void TakeFrame(FrameArrived frame, PooledBlock? payload)
    {
        if (frame.Header.Generation < machine.Generation)
            payload?.Release();
        else
            Turn(frame with { Payload = executor.Hold(payload) });
    }

    private void TakeOrder(OrderArrived order)
    {
        var before = machine.Generation;
        if (order.Order is PrepareRank prepare)
        {
            reporter.Log.Take(prepare.Timeline, prepare.RecordedThrough);
            NoteRecorded(prepare.Timeline, prepare.RecordedThrough);
            if (prepare.Generation > before)
                executor.Hurry();
        }

        if (order.Order is RankPlan ranked)
        {
            executor.LastStep = ranked.LastStep ?? Spec.Training.Steps;
            executor.TakeRank(ranked.Rank);
            NoteRecorded(ranked.Timeline, ranked.RecordedThrough);
        }

        Turn(order);
        if (machine.Generation != order.Order.Generation)
            return;
        switch (order.Order)
        {
            case RankPlan plan:
                reporter.Begin(plan, Monotonic.Now);
                break;
            case PrepareRank when before < order.Order.Generation:
            case ReleaseRank:
                reporter.Suspend();
                break;
        }

        for (var waiting = early.Count; waiting > 0; waiting--)
            Take(early.Dequeue());
    }

    private void Turn(RankInput input, StepRecord? applied = null)
    {
        outputs.Clear();
        var before = machine.Applied;
        machine.Handle(Monotonic.Now, input, outputs);

        // Not where the state was discarded meanwhile, or the machine had ended that work: then nothing was applied.
        if (applied is not null && before != applied.Step && machine.Applied == applied.Step)
            reporter.Applied(applied);
        foreach (var output in outputs)
        {
            if (output is TellJob { Message: RankState answer } && reporter.BeforeAnswer(answer) is { } report)
                outlet.Tell(report);
            executor.Execute(output);
        }

        var now = new RankPosition(options.Gpu.Index, options.Job, machine.Generation, machine.Applied, machine.Activity);
        if (now != position)
            Volatile.Write(ref position, now);
    }

    /// <summary>What a later timeline has recorded holds, though it be less: the steps behind it are computed again.</summary>
    private void NoteRecorded(int timeline, long through)
    {
        if (timeline < recorded.Timeline || (timeline == recorded.Timeline && through <= recorded.Through))
            return;
        recorded = (timeline, through);
        executor.TakeRecorded(through);
    }

    private static TimeSpan? Earlier(TimeSpan? a, TimeSpan? b) => a is null ? b : b is null || a < b ? a : b;
}
