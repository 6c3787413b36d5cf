using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Threading.Channels;
using Coordinator.Machines;

namespace Coordinator.Worker.Transport;

/// <summary>
/// The connection to one other worker in one generation. Frames queue from the start and leave in order once the connection stands.
/// A link is lost once and for its generation: there is no reconnecting within it.
/// <para>
/// Safety of references: the payload is read for its checksum (a small one is copied first), then <see cref="Closed"/> is looked at, then
/// the frame is written.
/// A rank overwrites what a frame refers to only after its link was closed, so a frame with new numbers under an old name
/// is either dropped here or fails its checksum at the receiver.
/// </para>
/// </summary>
[SuppressMessage(
    "Reliability", "CA1001", Justification = "the semaphore's wait handle is never asked for, so there is nothing to dispose of")]
internal sealed class PeerLink
{
    private const int MaxBatch = 256;

    /// <summary>Room for what is gathered before it is written, and for what is read at once.</summary>
    private const int BufferBytes = 64 << 10;

    /// <summary>A write that has come to so much is not made any longer.</summary>
    private const int WriteBytes = 1 << 20;

    /// <summary>
    /// Payloads up to here are copied behind their headers: many small frames leave in one piece. Larger ones are written from where they
    /// lie.
    /// </summary>
    private const int CopiedBytes = 4 << 10;

    private readonly GenerationLinks group;
    private readonly Channel<(FrameHeader Header, OutgoingPayload Payload)> queue =
        Channel.CreateUnbounded<(FrameHeader, OutgoingPayload)>(new UnboundedChannelOptions { SingleReader = true });
    private readonly SemaphoreSlim budget;
    private readonly Lock gate = new();
    private Socket? socket;
    private long heardAt;
    private long sentAt;
    private volatile bool closed;
    private volatile bool reading;

    public PeerLink(GenerationLinks group, NodeId peer, int budgetBlocks)
    {
        this.group = group;
        Peer = peer;
        budget = new SemaphoreSlim(budgetBlocks);
        Heard();
    }

    /// <summary>The worker at the other end.</summary>
    public NodeId Peer { get; }

    /// <summary>Whether nothing goes in or out any more: lost, or its generation is over.</summary>
    public bool Closed => closed;

    /// <summary>Whether the connection stands.</summary>
    public bool Open => socket is not null && !closed;

    /// <summary>Monotonic time at which the link last had a sign of life; before the connection stands, when it was asked for.</summary>
    public TimeSpan HeardAt => TimeSpan.FromTicks(Volatile.Read(ref heardAt));

    /// <summary>Monotonic time at which something last left.</summary>
    public TimeSpan SentAt => TimeSpan.FromTicks(Volatile.Read(ref sentAt));

    /// <summary>Whether the link waits for its peer, rather than for this worker's own ranks to take what came.</summary>
    public bool Reading => reading;

    /// <summary>Why the connection does not stand yet, as the last attempt to open it ended; empty where none failed.</summary>
    public string Trouble { get; set; } = "";

    /// <summary>Restarts the measure of silence.</summary>
    public void Heard() => Volatile.Write(ref heardAt, Monotonic.Now.Ticks);

    /// <summary>
    /// Takes over a connection that has passed its handshake. False where the link has one or is closed; the socket is then the caller's.
    /// </summary>
    public bool Attach(Socket connected)
    {
        lock (gate)
        {
            if (closed || socket is not null)
                return false;
            socket = connected;
        }

        Heard();
        Volatile.Write(ref sentAt, Monotonic.Now.Ticks);
        reading = true;
        _ = Task.Run(SendLoopAsync);
        _ = Task.Run(ReceiveLoopAsync);
        return true;
    }

    /// <summary>Queues a frame; its payload's reference passes to the link.</summary>
    public void Send(in FrameHeader header, in OutgoingPayload payload)
    {
        if (closed || !queue.Writer.TryWrite((header, payload)))
            payload.Owner?.Release();
    }

    /// <summary>Ends the connection at once and drops what was queued.</summary>
    public void Close()
    {
        Socket? open;
        lock (gate)
        {
            if (closed)
                return;
            closed = true;
            open = socket;
        }

        queue.Writer.TryComplete();
        if (open is not null)
            open.Abort();
        else
            DropQueued();
    }

    private async Task SendLoopAsync()
    {
        var batch = new List<(FrameHeader Header, OutgoingPayload Payload)>(MaxBatch);
        var write = new FrameWrite(BufferBytes);
        try
        {
            while (await queue.Reader.WaitToReadAsync().ConfigureAwait(false))
            {
                while (batch.Count < MaxBatch && queue.Reader.TryRead(out var frame))
                    batch.Add(frame);
                for (var next = 0; next < batch.Count;)
                {
                    for (int alike; next < batch.Count && write.Bytes < WriteBytes && write.HasRoomFor(CopiedBytes); next += alike)
                    {
                        alike = Alike(batch, next);
                        var header = batch[next].Header;
                        write.Add(alike > 1 ? header with { Count = alike } : header, batch[next].Payload.Bytes, CopiedBytes);
                    }

                    // The payloads have been read; whoever changes one closes the link first.
                    Interlocked.MemoryBarrier();
                    if (closed)
                        return;
                    var sent = await write.SendAsync(socket!).ConfigureAwait(false);
                    if (sent != write.Bytes)
                    {
                        group.Lose(this, Evidence.ConnectionClosed, $"only {sent} bytes of a write to {Peer} left");
                        return;
                    }

                    write.Clear();
                }

                Volatile.Write(ref sentAt, Monotonic.Now.Ticks);
                if (group.FrameSent is { } told)
                {
                    foreach (var (header, _) in batch)
                        told(header);
                }

                foreach (var (_, payload) in batch)
                    payload.Owner?.Release();
                batch.Clear();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            group.Lose(this, Evidence.ConnectionClosed, $"sending to {Peer}: {e.Message}");
        }
        finally
        {
            foreach (var (_, payload) in batch)
                payload.Owner?.Release();
            DropQueued();
        }
    }

    /// <summary>Frames from <paramref name="first"/> on that are one reduced block for ranks that follow each other.</summary>
    private static int Alike(List<(FrameHeader Header, OutgoingPayload Payload)> batch, int first)
    {
        var (header, payload) = batch[first];
        var count = 1;
        if (header.Kind != FrameKind.Reduced || payload.Owner is not null)
            return count;
        while (first + count < batch.Count && batch[first + count] is var (next, bytes) && bytes.Bytes == payload.Bytes
            && next == header with { To = header.To + count })
        {
            count++;
        }
        return count;
    }

    private async Task ReceiveLoopAsync()
    {
        var incoming = new ReadBuffer(BufferBytes, Heard);
        PooledBlock? payload = null;
        try
        {
            while (await incoming.TakeAsync(socket!, FrameHeader.Size).ConfigureAwait(false) is { Count: > 0 } bytes)
            {
                if ((FrameHeader.TryRead(bytes, out var header) ?? group.Check(header, Peer)) is { } wrong)
                {
                    group.Lose(this, Evidence.Invalid, wrong);
                    return;
                }

                payload = header.PayloadBytes == 0 ? null : await RentAsync(header.PayloadBytes).ConfigureAwait(false);
                if (payload is not null && !await incoming.FillAsync(socket!, payload.Segment).ConfigureAwait(false))
                    break;
                if (FrameBytes.Checksum(bytes, payload is null ? default : payload.Segment) != header.Checksum)
                {
                    group.Lose(this, Evidence.Invalid, $"checksum of a {header.Kind} frame, step {header.Step}, block {header.Block}");
                    return;
                }

                if (header.Kind == FrameKind.KeepAlive)
                    continue;
                if (closed)
                    return;
                if (group.DeliverAll(header, payload) is { } refused)
                {
                    group.Lose(this, Evidence.Invalid, refused);
                    return;
                }

                payload = null;
            }

            group.Lose(this, Evidence.ConnectionClosed, $"{Peer} closed the connection");
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.TimedOut)
        {
            group.Lose(this, Evidence.Silent, $"receiving from {Peer}: {e.Message}");
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            group.Lose(this, Evidence.ConnectionClosed, $"receiving from {Peer}: {e.Message}");
        }
        catch (OperationCanceledException)
        {
            // The generation ended while the link waited for its ranks.
        }
        finally
        {
            payload?.Release();
        }
    }

    private async ValueTask<PooledBlock> RentAsync(int length)
    {
        if (!budget.Wait(0))
        {
            // This worker's ranks hold all that one connection may bring; until they let go, the silence is not the peer's.
            reading = false;
            await budget.WaitAsync(group.Over).ConfigureAwait(false);
            Heard();
            reading = true;
        }

        var block = group.Pool.Rent(length);
        block.Budget = budget;
        return block;
    }

    private void DropQueued()
    {
        while (queue.Reader.TryRead(out var frame))
            frame.Payload.Owner?.Release();
    }
}
