using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Faults;
using Coordinator.Worker.Transport;

namespace Coordinator.Worker.Ranks;

/// <summary>
/// Drives one rank's machine: one thread takes one input after another, hands it in, and carries out what the machine asks for before
/// it takes the next. What belongs to a generation that the machine has not been ordered into yet waits.
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
    private readonly Queue<FrameReceived> early = [];
    private readonly Thread loop;
    private readonly TaskCompletionSource<Exception?> over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private RankPosition position;
    private int disposed;

    /// <summary>A rank on <paramref name="device"/>, which the host disposes of at its end. It computes nothing before a plan says so.</summary>
    public RankHost(
        RankHostOptions options,
        IRankDevice device,
        IRankOutlet outlet,
        IModelSink models,
        FaultPlan faults,
        IWorkerLog log,
        Func<RankOptions, IRankMachine>? machine = null)
    {
        (this.options, this.outlet, this.log) = (options, outlet, log);
        var forMachine = options.ForMachine(device.ParameterCount);
        this.machine = machine?.Invoke(forMachine) ?? new ShippingRankMachine(forMachine);
        reporter = new StepReporter(options.Job, options.Spec.Training.Steps);
        position = new RankPosition(options.Gpu.Index, options.Job, 0, -1, "idle");
        executor = new RankExecutor(options, device, outlet, models, faults, log, input => inputs.Add(input));
        loop = new Thread(Run) { IsBackground = true, Name = $"rank {options.Gpu}" };
        loop.Start();
    }

    /// <summary>Where the rank is, for heartbeats. Any thread may ask.</summary>
    public RankPosition Position => Volatile.Read(ref position);

    /// <summary>Ends with the loop: null at an ordinary end, else the broken invariant that ended it.</summary>
    public Task<Exception?> Over => over.Task;

    /// <summary>Whether the device is lost: this host only says so, and whoever wants a rank on the gpu again makes another. Any thread may ask.</summary>
    public bool HasLostDevice => executor.DeviceLoss is not null;

    private JobSpec Spec => options.Spec;

    /// <summary>Hands an input to the machine, after those that came before. Any thread may call it.</summary>
    public void Post(RankInput input) => inputs.Add(input);

    /// <inheritdoc/>
    public void PeerLost(NodeId node, long generation, Evidence evidence, string detail) => inputs.Add(new PeerLost(node, generation, evidence, detail));

    /// <inheritdoc/>
    public string? Accept(in FrameHeader header, PooledBlock? payload)
    {
        if (WhyImpossible(header) is { } reason)
            return reason;
        if (!inputs.Add(new FrameReceived(header, payload)))
            payload?.Release();
        return null;
    }

    /// <summary>Ends the loop, the device's thread and the device; when it returns none is left.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
            return;
        foreach (var input in inputs.Close())
            (input as FrameReceived)?.Payload?.Release();
        if (Thread.CurrentThread != loop)
            loop.Join();
        executor.Dispose();
        foreach (var frame in early)
            frame.Payload?.Release();
        early.Clear();
    }

    /// <summary>What no correct peer would send, whatever the state of this rank.</summary>
    private string? WhyImpossible(in FrameHeader header)
    {
        if (header.Step > Spec.Training.Steps)
            return $"a frame of step {header.Step}; the job has {Spec.Training.Steps}";
        if (header.Subtree.End > Spec.Training.Shards)
            return $"a frame with subtree {header.Subtree}; the job has {Spec.Training.Shards} shards";
        if (header.Kind == FrameKind.Contribution && header.Subtree.Size == 0)
            return "a contribution without subtree";
        if (header.PayloadBytes == 0)
            return null;
        var expected = executor.BlockLength(header.Block, header.Kind == FrameKind.State) * sizeof(float);
        return header.PayloadBytes == expected ? null : $"block {header.Block} of a {header.Kind} frame has {header.PayloadBytes} bytes instead of {expected}";
    }

    private void Run()
    {
        Exception? broken = null;
        try
        {
            while (!inputs.Closed)
            {
                var input = inputs.Take(Earlier(machine.NextDeadline, reporter.NextDue));
                if (inputs.Closed)
                {
                    (input as FrameReceived)?.Payload?.Release();
                    break;
                }

                if (input is not null)
                    Take(input);
                if (machine.NextDeadline is { } deadline && deadline <= Monotonic.Now)
                    Turn(new RankDeadlinePassed());
                if (reporter.Due(Monotonic.Now) is { } report)
                    outlet.Tell(report);
            }
        }
        catch (Exception e)
        {
            log.Warn($"rank {options.Gpu} of {options.Job} ended: {e}");
            broken = e;
            inputs.Close();
        }

        over.SetResult(broken);
    }

    private void Take(RankInput input)
    {
        switch (input)
        {
            case FrameReceived frame when frame.Header.Generation > machine.Generation:
                early.Enqueue(frame);
                break;
            case FrameReceived frame:
                TakeFrame(frame);
                break;
            case GradientReady ready:
                if (executor.TakeGradient(ready.Ticket, ready.Gradient, ready.Result))
                    Turn(new ShardComputed(ready.Ticket));
                break;
            case DeviceFailed failed:
                if (executor.DeviceLoss is not null)
                    executor.EndDevice();
                Turn(failed);
                break;
            case StepComputed computed:
                Turn(new StepFinished(computed.Record.Step), computed.Record);
                break;
            case OrderArrived order:
                TakeOrder(order);
                break;
            case RecordsTaken taken:
                reporter.Recorded(taken.Timeline, taken.Through);
                Turn(taken);
                break;
            case SiloReached reached:
                reporter.Again(Monotonic.Now);
                Turn(reached);
                break;
            default:
                Turn(input);
                break;
        }
    }

    private void TakeFrame(FrameReceived frame)
    {
        if (frame.Header.Generation < machine.Generation)
        {
            frame.Payload?.Release();
            return;
        }

        Turn(new FrameArrived(frame.Header, executor.Hold(frame.Payload)));
    }

    private void TakeOrder(OrderArrived order)
    {
        var before = machine.Generation;
        if (order.Order is PrepareRank prepare)
            reporter.Log.Take(prepare.Timeline, prepare.RecordedThrough);
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
        machine.Handle(Monotonic.Now, input, outputs);

        // Not where the state was discarded meanwhile: then nothing was applied.
        if (applied is not null && machine.Applied == applied.Step)
            reporter.Log.Add(applied);
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

    private static TimeSpan? Earlier(TimeSpan? a, TimeSpan? b) => a is null ? b : b is null || a < b ? a : b;
}
