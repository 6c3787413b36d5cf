using System.Buffers;
using System.Net.WebSockets;
using System.Text.Json;
using System.Threading.Channels;
using Coordinator.Machines;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// One connection of an agent: frames out in order, whole frames in. It waits for a frame with a few hundred bytes of its own and borrows
/// room for a longer one: thousands of them wait in one process.
/// </summary>
internal sealed class AgentSocket(WorkerSession session, AgentFrames frames, SwarmCounts counts) : IDisposable
{
    private const int OwnBytes = 512;

    /// <summary>As a worker has it.</summary>
    private const int MaxFrameBytes = 16 << 20;

    private readonly ClientWebSocket socket = new();

    // Who says something sends it, as far as the socket takes it at once: one hop less for each of thousands of heartbeats.
    private readonly Channel<WorkerMessage> outgoing = Channel.CreateUnbounded<WorkerMessage>(
        new UnboundedChannelOptions { SingleReader = true, AllowSynchronousContinuations = true });

    public WorkerSession Session => session;

    /// <summary>Queues a message.</summary>
    public void Say(WorkerMessage message) => outgoing.Writer.TryWrite(message);

    /// <summary>Opens the connection.</summary>
    public Task OpenAsync(Uri silo, string token, HttpMessageInvoker http, CancellationToken cancel)
    {
        socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        socket.Options.KeepAliveInterval = TimeSpan.Zero;
        return socket.ConnectAsync(silo, http, cancel);
    }

    /// <summary>Serves it to its end. <paramref name="heard"/> is called for each message, in order.</summary>
    /// <returns>The reason that the silo gave.</returns>
    public async Task<string> RunAsync(Action<CoordinatorMessage> heard, CancellationToken cancel)
    {
        var sending = SendAsync(cancel);
        try
        {
            while (true)
            {
                var (frame, length) = await ReceiveAsync(cancel);
                if (length < 0)
                    return socket.CloseStatusDescription is { Length: > 0 } text ? text : "no reason given";
                counts.Hear(length);
                var message = frames.Read(frame.AsSpan(0, length));
                if (frame.Length > OwnBytes)
                    ArrayPool<byte>.Shared.Return(frame);
                heard(message);
            }
        }
        finally
        {
            outgoing.Writer.TryComplete();
            socket.Abort();
            await sending;
        }
    }

    public void Dispose() => socket.Dispose();

    private readonly byte[] own = new byte[OwnBytes];

    private async Task<(byte[] Frame, int Length)> ReceiveAsync(CancellationToken cancel)
    {
        var (frame, length) = (own, 0);
        while (true)
        {
            if (length == frame.Length)
            {
                if (length >= MaxFrameBytes)
                    throw new FormatException($"a frame of more than {MaxFrameBytes} bytes");
                var longer = ArrayPool<byte>.Shared.Rent(4 * length);
                frame.AsSpan(0, length).CopyTo(longer);
                if (frame != own)
                    ArrayPool<byte>.Shared.Return(frame);
                frame = longer;
            }

            var part = await socket.ReceiveAsync(frame.AsMemory(length), cancel);
            if (part.MessageType == WebSocketMessageType.Close)
                return (frame, -1);
            length += part.Count;
            if (part.EndOfMessage)
                return (frame, length);
        }
    }

    private async Task SendAsync(CancellationToken cancel)
    {
        try
        {
            await foreach (var message in outgoing.Reader.ReadAllAsync(cancel))
            {
                await socket.SendAsync(
                    JsonSerializer.SerializeToUtf8Bytes(message, MachinesJson.Default.WorkerMessage).AsMemory(),
                    WebSocketMessageType.Text,
                    endOfMessage: true,
                    cancel);
                counts.Say();
            }
        }
        catch (Exception gone) when (
            gone is OperationCanceledException or WebSocketException or ObjectDisposedException or InvalidOperationException or IOException)
        {
            // The receiving side sees the end too, and tells of it.
            socket.Abort();
        }
    }
}
