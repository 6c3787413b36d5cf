using System.Buffers;
using System.Net.WebSockets;
using System.Text.Json;
using System.Threading.Channels;
using Coordinator.Machines;

namespace Coordinator.Server.Gateway;

/// <summary>The sending half of one worker's connection: a bounded queue with a single writer, which also sends the close frame.</summary>
internal sealed class WorkerLink : IDisposable
{
    /// <summary>Bytes that are handed to the socket at a time.</summary>
    private const int PieceBytes = 32 << 10;

    private readonly WebSocket socket;
    private readonly GatewayOptions options;
    private readonly Channel<CoordinatorMessage> outgoing;
    private readonly CancellationTokenSource cut;
    private readonly TimeProvider time;
    private readonly int mostQueued;
    private CloseReason? reason;
    private ITimer? patience;

    public WorkerLink(
        WebSocket socket,
        NodeId node,
        WorkerSession session,
        int gpus,
        GatewayOptions options,
        TimeProvider time,
        CancellationToken aborted)
    {
        this.socket = socket;
        this.options = options;
        this.time = time;
        Node = node;
        Session = session;
        Heartbeats = new HeartbeatThinning(options.LongestHeartbeatSpacing, time);
        cut = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        mostQueued = options.MaxQueuedMessages + (GatewayOptions.QueuedMessagesPerGpu * gpus);
        outgoing = Channel.CreateBounded<CoordinatorMessage>(new BoundedChannelOptions(mostQueued) { SingleReader = true });
    }

    public NodeId Node { get; }

    public WorkerSession Session { get; }

    /// <summary>Which of the worker's heartbeats go on.</summary>
    public HeartbeatThinning Heartbeats { get; }

    /// <summary>Why this side closed; null while it has not.</summary>
    public CloseReason? Reason => Volatile.Read(ref reason);

    /// <summary>Ends when the connection is to be cut, whatever its peer does.</summary>
    public CancellationToken Cut => cut.Token;

    /// <summary>Ends when the connection is over and its worker's grain was told.</summary>
    public TaskCompletionSource Over { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Send(CoordinatorMessage message)
    {
        if (!outgoing.Writer.TryWrite(message) && Reason is null)
        {
            Close(new CloseReason(
                WebSocketCloseStatus.PolicyViolation, $"more than {mostQueued} messages wait for this worker: it reads too slowly"));
        }
    }

    /// <summary>
    /// Sends a close frame behind what is queued; a peer that does not answer in time is cut off. The first reason stands.
    /// </summary>
    public void Close(CloseReason why)
    {
        if (Interlocked.CompareExchange(ref reason, why, null) is not null)
            return;
        patience = time.CreateTimer(_ => CutOff(), null, options.CloseTimeout, Timeout.InfiniteTimeSpan);
        outgoing.Writer.TryComplete();
    }

    /// <summary>Sends what is queued until the link is closed, then the close frame. Never throws.</summary>
    public async Task WriteAsync()
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var json = new Utf8JsonWriter(buffer);
        try
        {
            await foreach (var message in outgoing.Reader.ReadAllAsync(cut.Token).ConfigureAwait(false))
            {
                ReadOnlyMemory<byte> frame = SharedFrames.Of(message);
                if (frame.IsEmpty)
                {
                    buffer.ResetWrittenCount();
                    json.Reset();
                    JsonSerializer.Serialize(json, message, MachinesJson.Default.CoordinatorMessage);
                    frame = buffer.WrittenMemory;
                }

                // The socket copies what it sends: a membership under way to thousands of nodes must not be there thousands of times.
                for (; frame.Length > PieceBytes; frame = frame[PieceBytes..])
                    await socket.SendAsync(frame[..PieceBytes], WebSocketMessageType.Text, false, cut.Token).ConfigureAwait(false);
                await socket.SendAsync(frame, WebSocketMessageType.Text, true, cut.Token).ConfigureAwait(false);
            }

            var why = Reason ?? new CloseReason(WebSocketCloseStatus.NormalClosure, "");
            await socket.CloseOutputAsync(why.Status, why.Text, cut.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (
            exception is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The connection is gone; the reader sees it too.
            CutOff();
        }
        catch (Exception exception) when (exception is JsonException or NotSupportedException or ArgumentException)
        {
            // A message without a JSON form is a defect. A link that takes messages and sends none would hide it.
            Close(new CloseReason(WebSocketCloseStatus.InternalServerError, $"a message cannot be written: {exception.Message}"));
            CutOff();
        }
    }

    public void Dispose()
    {
        patience?.Dispose();
        cut.Dispose();
    }

    private void CutOff()
    {
        try
        {
            cut.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It is over already.
        }
    }
}
