using System.Buffers;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Coordinator.Machines;

namespace Coordinator.Bench;

/// <summary>A node without devices: a real connection, the real messages, and no computing. It answers orders as a worker's ranks would.</summary>
internal sealed class SwarmNode(NodeId node, int gpus, Uri silo, string token, HttpMessageInvoker http, SwarmCounts counts) : IDisposable
{
    private static readonly byte[] s_membership = Encoding.UTF8.GetBytes("{\"tell\":\"membership-changed\"");

    private readonly SemaphoreSlim _sending = new(1);
    private readonly ClientWebSocket _socket = new();
    private readonly byte[] _heartbeat = JsonSerializer.SerializeToUtf8Bytes<WorkerMessage>(new Heartbeat(1, []), MachinesJson.Default.WorkerMessage);
    private Task _receiving = Task.CompletedTask;

    public NodeId Node => node;

    public bool Alive => _socket.State == WebSocketState.Open;

    /// <summary>Generation of the newest order to prepare.</summary>
    public long Prepared { get; private set; }

    public async Task ConnectAsync(CancellationToken cancel)
    {
        _socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        _socket.Options.KeepAliveInterval = TimeSpan.Zero;
        await _socket.ConnectAsync(silo, http, cancel);
        TaskCompletionSource welcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _receiving = Task.Run(() => ReceiveAsync(welcome, cancel), cancel);
        await SayAsync(Introduction(), cancel);
        await welcome.Task.WaitAsync(TimeSpan.FromSeconds(120), cancel);
    }

    public Task BeatAsync(CancellationToken cancel) => SendAsync(_heartbeat, cancel);

    public Task SayAsync(WorkerMessage message, CancellationToken cancel) => SendAsync(JsonSerializer.SerializeToUtf8Bytes(message, MachinesJson.Default.WorkerMessage), cancel);

    /// <summary>The job that it was prepared for is over.</summary>
    public void Forget() => Prepared = 0;

    /// <summary>The process dies.</summary>
    public void Kill() => _socket.Abort();

    public void Dispose()
    {
        _socket.Dispose();
        _sending.Dispose();
    }

    private Hello Introduction() => new()
    {
        Node = node,
        Session = new WorkerSession(1, 1),
        DataAddress = $"{node}:7000",
        Gpus = [.. Enumerable.Range(0, gpus).Select(index => new GpuDescription(index, "swarm", "swarm", "cpu"))],
    };

    private async Task SendAsync(ReadOnlyMemory<byte> text, CancellationToken cancel)
    {
        await _sending.WaitAsync(cancel);
        try
        {
            if (Alive) await _socket.SendAsync(text, WebSocketMessageType.Text, true, cancel);
        }
        catch (WebSocketException)
        {
            counts.Lost();
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task ReceiveAsync(TaskCompletionSource welcome, CancellationToken cancel)
    {
        ArrayBufferWriter<byte> frame = new(512);
        try
        {
            while (Alive)
            {
                frame.ResetWrittenCount();
                ValueWebSocketReceiveResult part;
                do
                {
                    part = await _socket.ReceiveAsync(frame.GetMemory(256), cancel);
                    frame.Advance(part.Count);
                }
                while (!part.EndOfMessage);
                if (part.MessageType == WebSocketMessageType.Close) return;
                counts.Received(frame.WrittenCount);
                await HearAsync(frame.WrittenSpan, welcome, cancel);
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException)
        {
            welcome.TrySetException(new RecoveryFailedException($"{node} lost its connection: {e.Message}"));
        }
    }

    private Task HearAsync(ReadOnlySpan<byte> text, TaskCompletionSource welcome, CancellationToken cancel)
    {
        // The whole membership may be hundreds of kilobytes, and this node computes with nobody.
        if (text.StartsWith(s_membership)) return Task.CompletedTask;
        switch (JsonSerializer.Deserialize(text, MachinesJson.Default.CoordinatorMessage))
        {
            case Welcome:
                welcome.TrySetResult();
                return Task.CompletedTask;
            case HelloWanted:
                return SayAsync(Introduction(), cancel);
            case RankOrdered ordered:
                return ObeyAsync(ordered.Order, cancel);
            default:
                return Task.CompletedTask;
        }
    }

    private async Task ObeyAsync(RankOrder order, CancellationToken cancel)
    {
        switch (order)
        {
            case PrepareRank prepare:
                Prepared = Math.Max(Prepared, order.Generation);
                await SayAsync(new RankState { Job = order.Job, Generation = order.Generation, Gpu = order.Gpu, Boot = 1, HasState = order.Generation > 1, Timeline = 0, Applied = order.Generation - 1, RecordedThrough = prepare.RecordedThrough, StateBlocks = 1, Reduced = [new TagRun(0, 1, order.Generation - 1)] }, cancel);
                break;
            case RankPlan plan:
                await SayAsync(new PlanTaken { Job = order.Job, Generation = order.Generation, Gpu = order.Gpu }, cancel);
                if (plan.Rank == 0) await SayAsync(new StepsApplied { Job = order.Job, Generation = order.Generation, Timeline = 0, Steps = [new StepRecord(plan.FirstStep, order.Generation, 1, 1, 1, 1)] }, cancel);
                await SayAsync(new RankAdvanced { Job = order.Job, Generation = order.Generation, Gpu = order.Gpu, Step = plan.FirstStep }, cancel);
                break;
            case ReleaseRank:
                await SayAsync(new RankReleased { Job = order.Job, Generation = order.Generation, Gpu = order.Gpu }, cancel);
                break;
        }
    }
}

/// <summary>What came to the swarm, all nodes together.</summary>
internal sealed class SwarmCounts
{
    private long _messages;
    private long _bytes;
    private long _lost;

    public long Messages => Interlocked.Read(ref _messages);

    public long Bytes => Interlocked.Read(ref _bytes);

    public long Failures => Interlocked.Read(ref _lost);

    public void Received(int bytes)
    {
        Interlocked.Increment(ref _messages);
        Interlocked.Add(ref _bytes, bytes);
    }

    public void Lost() => Interlocked.Increment(ref _lost);
}
