using System.Collections.Concurrent;
using System.Threading.Channels;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Ranks;
using Coordinator.Worker.Transport;

namespace Coordinator.Tests.Worker;

/// <summary>Waiting that names what it waited for.</summary>
internal static class Wait
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    public static async Task<T> For<T>(this Task<T> task, string what)
    {
        try
        {
            return await task.WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"waited {Limit.TotalSeconds} s for {what}");
        }
    }

    public static async Task For(this Task task, string what)
    {
        try
        {
            await task.WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"waited {Limit.TotalSeconds} s for {what}");
        }
    }

    /// <summary>Reads on until an item fits.</summary>
    public static async Task<T> Next<T>(this ChannelReader<T> reader, string what, Func<T, bool>? fits = null)
    {
        while (true)
        {
            var item = await reader.ReadAsync().AsTask().For(what);
            if (fits?.Invoke(item) ?? true)
                return item;
        }
    }
}

/// <summary>Writes down what reaches a rank.</summary>
internal sealed class RecordingSink : IFrameSink
{
    private readonly Channel<(FrameHeader Header, float[] Payload)> frames = Channel.CreateUnbounded<(FrameHeader, float[])>();
    private readonly Channel<PeerLost> losses = Channel.CreateUnbounded<PeerLost>();

    public ChannelReader<(FrameHeader Header, float[] Payload)> Frames => frames.Reader;

    public ChannelReader<PeerLost> Losses => losses.Reader;

    public string? Refuse { get; set; }

    public string? Accept(in FrameHeader header, PooledBlock? payload)
    {
        if (Refuse is not null)
            return Refuse;
        frames.Writer.TryWrite((header, payload?.Floats.ToArray() ?? []));
        payload?.Release();
        return null;
    }

    public void PeerLost(NodeId node, long generation, Evidence evidence, string detail, bool unreached) =>
        losses.Writer.TryWrite(new PeerLost(node, generation, evidence, detail) { Unreached = unreached });
}

/// <summary>
/// A tiny program: parameter i of step s moves by a function of the gradient; the gradient of a shard depends on shard, step, element and
/// parameter. Counts its calls.
/// </summary>
internal sealed class TinyDevice(int parameters) : IRankDevice
{
    private readonly float[] state = new float[3 * parameters];
    private readonly TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ConcurrentQueue<string> Calls { get; } = [];

    public TaskCompletionSource? HoldComputing { get; set; }

    /// <summary>The step that is not computed before <see cref="HoldComputing"/> is set; 0: all.</summary>
    public long HoldFrom { get; set; }

    public bool Disposed { get; private set; }

    /// <summary>The step at which the device is lost, for good; 0: never.</summary>
    public long LostFrom { get; set; }

    /// <summary>As what it is lost.</summary>
    public Exception Loss { get; set; } = new DeviceLostException("CUDA_ERROR_ILLEGAL_ADDRESS on tiny:0");

    public long ParameterCount => parameters;

    /// <summary>Ends when the step that is held is being computed.</summary>
    public Task Reached(long step) =>
        step == HoldFrom ? reached.Task : throw new ArgumentException("only the held step is noted", nameof(step));

    public void Initialize()
    {
        Calls.Enqueue("initialize");
        for (var i = 0; i < state.Length; i++)
            state[i] = i < parameters ? 1f / (i + 1) : 0;
    }

    /// <summary>Whether its memory is full: it makes no gradient.</summary>
    public bool Full { get; set; }

    public DeviceGradient CreateGradient() =>
        Full ? throw new DeviceLostException("CUDA_ERROR_OUT_OF_MEMORY on tiny:0") : new HostGradient(parameters);

    public void Add(DeviceGradient sum, DeviceGradient addend) =>
        Coordinator.Worker.Kernels.BlockMath.Add(((HostGradient)sum).Floats, ((HostGradient)addend).Floats);

    public ShardResult ComputeShard(long step, int shard, DeviceGradient into, CancellationToken cancel)
    {
        var gradient = ((HostGradient)into).Floats;
        Calls.Enqueue($"compute {step} {shard}");
        if (LostFrom > 0 && step >= LostFrom)
            throw Loss;
        if (step == HoldFrom)
            reached.TrySetResult();
        if (step >= HoldFrom)
            HoldComputing?.Task.Wait(cancel);
        for (var i = 0; i < gradient.Length; i++)
            gradient[i] = (((shard * 7919) + (step * 104729) + (i * 31)) % 1009 / 1009f) - 0.5f + (state[i] * 0.01f);
        return new ShardResult(0.1 * (shard + 1) / step, 3 + shard);
    }

    public double ApplyStep(long step, DeviceGradient sum, double sumOfSquares, long targets)
    {
        var reduced = ((HostGradient)sum).Floats;
        Calls.Enqueue($"apply {step}");
        for (var i = 0; i < parameters; i++)
        {
            state[parameters + i] = (0.9f * state[parameters + i]) + reduced[i];
            state[(2 * parameters) + i] += (float)sumOfSquares / targets;
            state[i] -= 0.001f * state[parameters + i] / targets;
        }

        return Math.Sqrt(sumOfSquares) / targets;
    }

    public void ReadState(long offset, Span<float> destination) => state.AsSpan((int)offset, destination.Length).CopyTo(destination);

    public void WriteState(long offset, ReadOnlySpan<float> source) => source.CopyTo(state.AsSpan((int)offset));

    public void Dispose() => Disposed = true;
}

/// <summary>A model store that writes down what it is given.</summary>
internal sealed class RecordingModels : IModelSink
{
    private readonly Channel<(long Step, float[] Parameters)> models = Channel.CreateUnbounded<(long, float[])>();

    public ChannelReader<(long Step, float[] Parameters)> Models => models.Reader;

    public Task StoreAsync(
        JobId job, JobSpec spec, long step, IReadOnlyList<ModelTensor>? tensors, HostFloats parameters, CancellationToken cancel)
    {
        models.Writer.TryWrite((step, parameters.Whole.ToArray()));
        return Task.CompletedTask;
    }
}

/// <summary>Ids and specs that the worker's tests share.</summary>
internal static class Sample
{
    public static readonly JobId Job = new("job-1");

    public static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)(i * 7))];

    public static GpuId Gpu(string node, int index = 0) => new(new NodeId(node), index);

    public static JobSpec Spec(int shards = 4, long steps = 5, int blockElements = 16, int window = 2, TimeSpan? peerTimeout = null) =>
        new()
        {
            Training = new TrainingSpec { Shards = shards, Steps = steps },
            Collective = new CollectiveSpec { BlockElements = blockElements, WindowBlocks = window },
            FaultTolerance = new FaultToleranceSpec { PeerTimeout = peerTimeout ?? TimeSpan.FromSeconds(5) },
        };

    public static FrameHeader Frame(int from, int to, long generation = 1, FrameKind kind = FrameKind.Ready) => new()
    {
        Kind = kind,
        JobTag = RankMachine.TagOf(Job),
        Incarnation = 1,
        Timeline = 0,
        Generation = generation,
        From = from,
        To = to,
        Step = 1,
    };
}
