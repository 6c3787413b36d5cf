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
    private ClientWebSocket _socket = new();
    private long _connection;
    private readonly byte[] _heartbeat = JsonSerializer.SerializeToUtf8Bytes<WorkerMessage>(new Heartbeat(1, []), MachinesJson.Default.WorkerMessage);
    private Task _receiving = Task.CompletedTask;

    public NodeId Node => node;

    public bool Alive => _socket.State == WebSocketState.Open;

    /// <summary>Generation of the newest order to prepare.</summary>
    public long Prepared { get; private set; }

    /// <summary>Connects until it is welcome, as a worker does: a silo that is busy may close a connection, and says why.</summary>
    /// <exception cref="RecoveryFailedException">Nine tries came to nothing; with the last one's reason.</exception>
    public async Task ConnectAsync(CancellationToken cancel)
    {
        for (int tries = 1; ; tries++)
        {
            try
            {
                await TryConnectAsync(cancel);
                return;
            }
            catch (Exception failed) when (failed is WebSocketException or RecoveryFailedException or TimeoutException or HttpRequestException)
            {
                if (tries == 9) throw new RecoveryFailedException($"{node} was not welcomed: {failed.Message}");
                counts.TriedAgain(failed.Message);
                _socket.Dispose();
                _socket = new ClientWebSocket();
                await Task.Delay(TimeSpan.FromMilliseconds(250 * tries), cancel);
            }
        }
    }

    private async Task TryConnectAsync(CancellationToken cancel)
    {
        _connection++;
        _socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        _socket.Options.KeepAliveInterval = TimeSpan.Zero;
        await _socket.ConnectAsync(silo, http, cancel);
        TaskCompletionSource welcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _receiving = Task.Run(() => ReceiveAsync(_socket, welcome, cancel), cancel);
        await SayAsync(Introduction(), cancel);
        await welcome.Task.WaitAsync(TimeSpan.FromSeconds(60), cancel);
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
        Session = new WorkerSession(1, _connection),
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

    private async Task ReceiveAsync(ClientWebSocket socket, TaskCompletionSource welcome, CancellationToken cancel)
    {
        ArrayBufferWriter<byte> frame = new(512);
        try
        {
            while (socket.State == WebSocketState.Open)
            {
                frame.ResetWrittenCount();
                ValueWebSocketReceiveResult part;
                do
                {
                    part = await socket.ReceiveAsync(frame.GetMemory(256), cancel);
                    frame.Advance(part.Count);
                }
                while (!part.EndOfMessage);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    welcome.TrySetException(new RecoveryFailedException($"the silo closed the connection: {socket.CloseStatusDescription}"));
                    return;
                }

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
    private long _again;

    public long Messages => Interlocked.Read(ref _messages);

    public long Bytes => Interlocked.Read(ref _bytes);

    public long Failures => Interlocked.Read(ref _lost);

    public void Received(int bytes)
    {
        Interlocked.Increment(ref _messages);
        Interlocked.Add(ref _bytes, bytes);
    }

    public void Lost() => Interlocked.Increment(ref _lost);

    /// <summary>A connection came to nothing, and another one is tried.</summary>
    public void TriedAgain(string reason)
    {
        Interlocked.Increment(ref _again);
        LastReason = reason;
    }

    public long Again => Interlocked.Read(ref _again);

    public string LastReason { get; private set; } = "";
}
