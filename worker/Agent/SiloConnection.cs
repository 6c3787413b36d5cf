using System.Net.WebSockets;
using System.Text.Json;
using System.Threading.Channels;
using Coordinator.Machines;
using Coordinator.Worker.Faults;

namespace Coordinator.Worker.Agent;

/// <summary>
/// One WebSocket to a silo, from the hello to its end. Messages leave in the order in which they were given; what is given after the
/// end is dropped, and said again by whoever cares when there is another connection.
/// </summary>
internal sealed class SiloConnection(ClientWebSocket socket, WorkerSession session, FaultPlan faults) : IDisposable
{
    private const int MaxFrameBytes = 16 << 20;
    private const int MaxWaiting = 16_384;

    private readonly Channel<WorkerMessage> outbox = Channel.CreateBounded<WorkerMessage>(
        new BoundedChannelOptions(MaxWaiting) { SingleReader = true });
    private readonly CancellationTokenSource over = new();
    private volatile bool ended;

    /// <summary>Which connection of the process it is.</summary>
    public WorkerSession Session => session;

    /// <summary>Queues a message. A silo that lets thousands pile up is not there any more: its connection is ended.</summary>
    public void Tell(WorkerMessage message)
    {
        if (outbox.Writer.TryWrite(message) || ended)
            return;
        try
        {
            _ = over.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // It ended in this very moment.
        }
    }

    /// <summary>
    /// Serves the connection to its end. <paramref name="heard"/> is called for every message, in order; what it throws as
    /// <see cref="FormatException"/> or <see cref="JsonException"/> closes the connection with the reason.
    /// </summary>
    public async Task RunAsync(Hello hello, Action<CoordinatorMessage> heard, CancellationToken cancel)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, over.Token);
        await SendAsync(hello, both.Token).ConfigureAwait(false);
        var sending = Task.Run(() => SendLoopAsync(both.Token), CancellationToken.None);
        try
        {
            await ReceiveLoopAsync(heard, both.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            await CloseAsync(WebSocketCloseStatus.InvalidPayloadData, e.Message).ConfigureAwait(false);
            throw;
        }
        finally
        {
            ended = true;
            outbox.Writer.TryComplete();
            await over.CancelAsync().ConfigureAwait(false);
            await sending.ConfigureAwait(false);
        }
    }

    /// <summary>Says good-bye after what is queued has left; waits a moment at most.</summary>
    public async Task EndAsync(string reason)
    {
        ended = true;
        outbox.Writer.TryComplete();
        try
        {
            await outbox.Reader.Completion.WaitAsync(TimeSpan.FromMilliseconds(500)).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // The silo does not read; it will see the connection end.
        }

        await CloseAsync(WebSocketCloseStatus.NormalClosure, reason).ConfigureAwait(false);
    }

    public void Dispose()
    {
        over.Dispose();
        socket.Dispose();
    }

    private async Task SendLoopAsync(CancellationToken cancel)
    {
        try
        {
            await foreach (var message in outbox.Reader.ReadAllAsync(cancel).ConfigureAwait(false))
                await SendAsync(message, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (
            e is OperationCanceledException or WebSocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The receiving side sees the end too, and tells of it.
            socket.Abort();
        }
        catch
        {
            // A worker that hears and cannot speak would look alive to itself and dead to the silo, and nobody would know why.
            socket.Abort();
            throw;
        }
    }

    private async Task SendAsync(WorkerMessage message, CancellationToken cancel)
    {
        await socket.SendAsync(Encode(message).AsMemory(), WebSocketMessageType.Text, endOfMessage: true, cancel).ConfigureAwait(false);
        faults.MessageSent(message);
    }

    /// <exception cref="InvalidDataException">There is no JSON for the message: a defect, which ends the worker with this as its
    /// reason.</exception>
    private static byte[] Encode(WorkerMessage message)
    {
        try
        {
            return JsonSerializer.SerializeToUtf8Bytes(message, MachinesJson.Default.WorkerMessage);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or ArgumentException)
        {
            throw new InvalidDataException($"{message.GetType().Name} cannot be written: {e.Message}", e);
        }
    }

    private async Task ReceiveLoopAsync(Action<CoordinatorMessage> heard, CancellationToken cancel)
    {
        var buffer = new byte[16 << 10];
        while (true)
        {
            var length = 0;
            ValueWebSocketReceiveResult part;
            do
            {
                if (length == buffer.Length)
                {
                    if (length == MaxFrameBytes)
                        throw new FormatException($"a frame of more than {MaxFrameBytes} bytes");
                    Array.Resize(ref buffer, Math.Min(MaxFrameBytes, length * 2));
                }

                part = await socket.ReceiveAsync(buffer.AsMemory(length), cancel).ConfigureAwait(false);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    await CloseAsync(WebSocketCloseStatus.NormalClosure, "").ConfigureAwait(false);
                    return;
                }

                length += part.Count;
            }
            while (!part.EndOfMessage);

            heard(JsonSerializer.Deserialize(buffer.AsSpan(0, length), MachinesJson.Default.CoordinatorMessage)
                ?? throw new FormatException("a message that is null"));
        }
    }

    private async Task CloseAsync(WebSocketCloseStatus status, string reason)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));
        try
        {
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
                await socket.CloseOutputAsync(status, reason.Length > 100 ? reason[..100] : reason, patience.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (
            e is OperationCanceledException or WebSocketException or ObjectDisposedException or InvalidOperationException)
        {
            // It is gone already.
        }
    }
}
