using Coordinator.Machines;
using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Faults;

/// <summary>
/// The faults that one worker process is to suffer, each once, for demonstrations and chaos tests. Without rules it costs a
/// comparison a call. Called from any thread.
/// </summary>
public sealed class FaultPlan
{
    private static readonly TimeSpan HoldLook = TimeSpan.FromMilliseconds(5);

    private readonly Lock gate = new();
    private readonly List<FaultRule> waiting;
    private readonly Action<FaultRule> strike;
    private readonly HashSet<long> prepared = [];
    private readonly HashSet<long> fetched = [];
    private readonly HashSet<long> served = [];

    /// <summary>A plan of rules; <paramref name="strike"/> replaces what is done to the process, for tests.</summary>
    public FaultPlan(IEnumerable<FaultRule> rules, Action<FaultRule>? strike = null)
    {
        waiting = [.. rules];
        this.strike = strike ?? OwnProcess.Strike;
    }

    /// <summary>No faults.</summary>
    public static FaultPlan None { get; } = new([]);

    /// <summary>Whether no fault is left to suffer.</summary>
    public bool IsEmpty => waiting.Count == 0;

    /// <summary>Reads rules as the worker's <c>--fault</c> options give them.</summary>
    /// <exception cref="FormatException">One of the texts is no rule.</exception>
    public static FaultPlan Parse(IEnumerable<string> rules) => new(rules.Select(FaultRule.Parse).ToArray());

    /// <summary>A frame has left.</summary>
    public void FrameSent(FrameHeader header)
    {
        if (waiting.Count == 0)
            return;
        if (header.Kind == FrameKind.Contribution)
            Strike(FaultPoint.Collective, header.Step);
        else if (header.Kind == FrameKind.State)
            StrikeCounted(FaultPoint.Serve, served, header.Generation);
    }

    /// <summary>A message to the silo has left.</summary>
    public void MessageSent(WorkerMessage message)
    {
        if (waiting.Count > 0 && message is RankState { Generation: > 1 } state)
            StrikeCounted(FaultPoint.Prepare, prepared, state.Generation);
    }

    /// <summary>The device begins a shard.</summary>
    /// <exception cref="OperationCanceledException">The shard is not wanted any more.</exception>
    public void Computing(long step, CancellationToken cancel = default)
    {
        Hold(step, cancel);
        Strike(FaultPoint.Compute, step);
    }

    /// <summary>The optimizer begins a step, or has ended the last.</summary>
    public void Applying(long step) => Strike(FaultPoint.Apply, step);

    /// <summary>The last step is applied.</summary>
    public void Finished() => Strike(FaultPoint.Final, 0);

    /// <summary>A slice of the state was copied, and is about to be written.</summary>
    public void Saving(long step) => Strike(FaultPoint.Save, step);

    /// <summary>All parts are there, and the manifest is about to be written.</summary>
    public void Sealing(long step) => Strike(FaultPoint.Seal, step);

    /// <summary>A block of a fetched state is stored.</summary>
    public void StateStored(long generation)
    {
        if (waiting.Count > 0)
            StrikeCounted(FaultPoint.Fetch, fetched, generation);
    }

    /// <summary>A shard's gradient is computed.</summary>
    public void GradientKept(long step, DeviceGradient gradient)
    {
        if (waiting.Count == 0)
            return;
        if (Take(FaultPoint.Contribution, step, FaultAction.Flip) is not null)
        {
            gradient.AwaitDownload(gradient.Length);
            FlipBit(gradient.HostFrom(0));
            gradient.BeginUpload(0, gradient.Length);
        }

        Strike(FaultPoint.Contribution, step);
    }

    /// <summary>Flips the highest bit of the mantissa of the largest element: the smallest fault that no rounding can hide.</summary>
    private static void FlipBit(Span<float> gradient)
    {
        var largest = 0;
        for (var i = 1; i < gradient.Length; i++)
        {
            if (Math.Abs(gradient[i]) > Math.Abs(gradient[largest]))
                largest = i;
        }

        gradient[largest] = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(gradient[largest]) ^ (1u << 22));
    }

    private void StrikeCounted(FaultPoint point, HashSet<long> seen, long generation)
    {
        int count;
        lock (gate)
        {
            seen.Add(generation);
            count = seen.Count;
        }

        Strike(point, count);
    }

    /// <summary>
    /// The rule stays until its file is there: a shard that is cancelled meanwhile, and the one that takes its place, are held alike.
    /// </summary>
    private void Hold(long step, CancellationToken cancel)
    {
        while (waiting.Count > 0 && FindHold(step) is { } rule)
        {
            while (!File.Exists(rule.File))
            {
                cancel.WaitHandle.WaitOne(HoldLook);
                cancel.ThrowIfCancellationRequested();
            }

            lock (gate)
                waiting.Remove(rule);
        }
    }

    private FaultRule? FindHold(long step)
    {
        lock (gate)
            return waiting.Find(rule => rule.Action == FaultAction.Hold && step >= rule.Number);
    }

    private void Strike(FaultPoint point, long number)
    {
        while (waiting.Count > 0 && Take(point, number) is { } rule)
        {
            strike(rule);
            if (rule.Action == FaultAction.Lose)
                throw new DeviceLostException($"the device was lost, as the planned fault {rule} says");
        }
    }

    /// <summary>The call under way never ends, where a rule says so.</summary>
    public void Hang(FaultPoint point, long step)
    {
        if (waiting.Count == 0 || Take(point, step, FaultAction.Hang) is not { } rule)
            return;
        strike(rule);
        Thread.Sleep(Timeout.Infinite);
    }

    /// <summary>Takes what strikes by itself; a flip, a hold and a hang do not.</summary>
    private FaultRule? Take(FaultPoint point, long number, FaultAction? only = null)
    {
        lock (gate)
        {
            var index = waiting.FindIndex(rule =>
                rule.Point == point
                    && number >= rule.Number
                    && (only is { } wanted
                        ? rule.Action == wanted
                        : rule.Action is not (FaultAction.Flip or FaultAction.Hold or FaultAction.Hang)));
            if (index < 0)
                return null;
            var rule = waiting[index];
            waiting.RemoveAt(index);
            return rule;
        }
    }
}
