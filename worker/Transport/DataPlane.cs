using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Coordinator.Machines;

namespace Coordinator.Worker.Transport;

/// <summary>
/// The worker's end of the collective's network: one listener, and for every generation it takes part in one connection to every
/// other worker of it. Of two workers the one with the ordinally lower node id dials.
/// <para>
/// Connections are opened when a generation's membership is known and aborted when a newer one is, before any rank hears of the newer
/// one: what ranks overwrite under a new generation can therefore not leak into an old one.
/// </para>
/// </summary>
public sealed class DataPlane : IAsyncDisposable
{
    private readonly DataPlaneOptions options;
    private readonly IWorkerLog log;
    private readonly Socket listener;
    private readonly Dictionary<JobId, GenerationLinks> groups = [];
    private readonly Dictionary<JobId, long> newest = [];
    private readonly Dictionary<(JobId, GpuId), IFrameSink> sinks = [];
    private readonly CancellationTokenSource stopping = new();
    private readonly Lock gate = new();
    private readonly LinkWatch watch;
    private readonly Task accepting;
    private GenerationLinks[] watched = [];
    private TaskCompletionSource joined = NewSignal();
    private int handshakes;

    /// <summary>Listens from now on.</summary>
    /// <exception cref="SocketException">The address cannot be listened on.</exception>
    public DataPlane(DataPlaneOptions options, IWorkerLog log)
    {
        this.options = options;
        this.log = log;
        listener = new Socket(options.Listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(options.Listen);
            listener.Listen(1024);
        }
        catch
        {
            listener.Dispose();
            throw;
        }

        var bound = (IPEndPoint)listener.LocalEndPoint!;
        Address = options.AdvertisedHost is { } host ? $"{host}:{bound.Port}" : bound.ToString();
        watch = new LinkWatch(() => Volatile.Read(ref watched), options.KeepAlivePeriod);
        accepting = Task.Run(AcceptLoopAsync);
    }

    /// <summary>Where peers reach this worker, <c>host:port</c>.</summary>
    public string Address { get; }

    /// <summary>Connects a rank of this worker to its job's frames, now and in later generations.</summary>
    public void Attach(JobId job, GpuId gpu, IFrameSink sink)
    {
        GenerationLinks? group;
        lock (gate)
        {
            sinks[(job, gpu)] = sink;
            group = groups.GetValueOrDefault(job);
        }

        group?.SetSink(gpu, sink);
    }

    /// <summary>The rank is no more.</summary>
    public void Detach(JobId job, GpuId gpu)
    {
        lock (gate)
        {
            if (sinks.Remove((job, gpu)))
                groups.GetValueOrDefault(job)?.SetSink(gpu, null);
        }
    }

    /// <summary>
    /// A generation stands that this worker belongs to. The connections of the job's older one are aborted before this returns;
    /// the new ones are dialled all at once. An older generation than the present one is ignored.
    /// </summary>
    public void Join(GenerationSpec spec)
    {
        GenerationLinks group;
        GenerationLinks? older;
        (GpuId Gpu, IFrameSink Sink)[] locals;
        lock (gate)
        {
            if (stopping.IsCancellationRequested || newest.GetValueOrDefault(spec.Job) >= spec.Generation)
                return;
            older = groups.GetValueOrDefault(spec.Job);
            group = new GenerationLinks(spec, options.Node, options.FrameSent, log);
            groups[spec.Job] = group;
            newest[spec.Job] = spec.Generation;
            watched = [.. groups.Values];
            locals = [.. sinks.Where(sink => sink.Key.Item1 == spec.Job).Select(sink => (sink.Key.Item2, sink.Value))];
        }

        older?.Close();
        foreach (var (gpu, sink) in locals)
            group.SetSink(gpu, sink);
        Interlocked.Exchange(ref joined, NewSignal()).SetResult();
        foreach (var link in group.Links.Where(link => options.Node.CompareTo(link.Peer) < 0))
            _ = Task.Run(() => DialAsync(group, link));
    }

    /// <summary>This worker has no part in the job's generations up to <paramref name="generation"/> (any more).</summary>
    public void Leave(JobId job, long generation)
    {
        GenerationLinks? left = null;
        lock (gate)
        {
            newest[job] = Math.Max(generation, newest.GetValueOrDefault(job));
            if (groups.TryGetValue(job, out var group) && group.Spec.Generation <= generation)
            {
                left = group;
                groups.Remove(job);
                watched = [.. groups.Values];
            }
        }

        left?.Close();
    }

    /// <summary>Sends a frame from a rank of this worker. A frame of a generation that is over is dropped.</summary>
    public void Send(JobId job, in FrameHeader header, in OutgoingPayload payload)
    {
        GenerationLinks? group;
        lock (gate)
            group = groups.GetValueOrDefault(job);
        if (group is not null && group.Spec.Generation == header.Generation)
            group.Send(header, payload);
        else
            payload.Owner?.Release();
    }

    /// <summary>Closes everything; when it returns no socket and no thread is left.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (gate)
        {
            if (stopping.IsCancellationRequested)
                return;
            stopping.Cancel();
        }

        listener.Dispose();
        await accepting.ConfigureAwait(false);
        foreach (var group in watched)
            group.Close();
        watch.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task AcceptLoopAsync()
    {
        while (!stopping.IsCancellationRequested)
        {
            Socket socket;
            try
            {
                socket = await listener.AcceptAsync(stopping.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                // A connection that died before it was accepted, or no descriptor left: neither ends the listener.
                log.Warn($"data plane: accepting failed: {e.Message}");
                await Task.Delay(TimeSpan.FromMilliseconds(20), CancellationToken.None).ConfigureAwait(false);
                continue;
            }

            if (Interlocked.Increment(ref handshakes) > options.MaxHandshakes)
            {
                Interlocked.Decrement(ref handshakes);
                socket.Abort();
                continue;
            }

            _ = Task.Run(() => AnswerAsync(socket));
        }
    }

    private async Task AnswerAsync(Socket socket)
    {
        var taken = false;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token);
        limit.CancelAfter(options.HandshakeTimeout);
        try
        {
            socket.NoDelay = true;
            var refusal = await AdmitAsync(socket, limit.Token).ConfigureAwait(false);
            taken = refusal == RefusalReason.None;
            if (!taken)
            {
                log.Warn($"data plane: refused a connection from {socket.RemoteEndPoint}: {refusal}");
                await Handshake.RefuseAsync(socket, refusal, limit.Token).ConfigureAwait(false);
                socket.Shutdown(SocketShutdown.Send);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            log.Info($"data plane: a connection ended in its handshake: {e.Message}");
        }
        finally
        {
            Interlocked.Decrement(ref handshakes);
            if (!taken)
                socket.Dispose();
        }
    }

    private async Task<RefusalReason> AdmitAsync(Socket socket, CancellationToken limit)
    {
        if (await Handshake.ReadHelloAsync(socket, limit).ConfigureAwait(false) is not { } hello)
            return RefusalReason.Malformed;
        if (hello.To != options.Node)
            return RefusalReason.WrongNode;
        var (group, refusal) = await FindAsync(hello, limit).ConfigureAwait(false);
        if (group is null)
            return refusal;
        if (hello.From.CompareTo(options.Node) >= 0 || group.LinkOf(hello.From) is not { } link)
            return RefusalReason.NotExpected;
        if (await Handshake.ChallengeAsync(socket, hello, group.Spec.Key, limit).ConfigureAwait(false) is not { } nonce)
            return RefusalReason.WrongKey;
        if (link.Open || link.Closed)
            return group.Over.IsCancellationRequested ? RefusalReason.OlderGeneration : RefusalReason.Repeated;

        // The acceptance goes out before the link may send frames over the same socket.
        await Handshake.AcceptAsync(socket, hello, group.Spec.Key, nonce, limit).ConfigureAwait(false);
        if (!link.Attach(socket))
            socket.Abort();
        return RefusalReason.None;
    }

    /// <summary>The group of the hello's generation; one that is newer than what is known here is waited for.</summary>
    private async Task<(GenerationLinks? Group, RefusalReason Refusal)> FindAsync(HandshakeHello hello, CancellationToken limit)
    {
        using var hold = CancellationTokenSource.CreateLinkedTokenSource(limit);
        hold.CancelAfter(options.UnknownGenerationHold);
        while (true)
        {
            var signal = Volatile.Read(ref joined).Task;
            lock (gate)
            {
                if (groups.TryGetValue(hello.Job, out var group) && group.Spec.Generation == hello.Generation)
                    return (group, RefusalReason.None);
                if (newest.GetValueOrDefault(hello.Job) >= hello.Generation)
                    return (null, RefusalReason.OlderGeneration);
            }

            try
            {
                await signal.WaitAsync(hold.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!limit.IsCancellationRequested)
            {
                return (null, RefusalReason.UnknownGeneration);
            }
        }
    }

    /// <summary>
    /// Dials until the connection stands, the peer is known to be gone, or the generation is over here. A peer that has not heard of the
    /// generation yet is asked again; how long that may go on is for <see cref="LinkWatch"/> to say.
    /// </summary>
    private async Task DialAsync(GenerationLinks group, PeerLink link)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token, group.Over);
        while (!cancel.IsCancellationRequested && !link.Closed)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            var taken = false;
            try
            {
                var (host, port) = SplitAddress(group.Addresses[link.Peer]);
                socket.NoDelay = true;
                await socket.ConnectAsync(host, port, cancel.Token).ConfigureAwait(false);
                var hello = new HandshakeHello(
                    group.Spec.Job, group.Spec.Generation, options.Node, link.Peer, RandomNumberGenerator.GetBytes(HandshakeHello.NonceSize));
                var refusal = await Handshake.DialAsync(socket, hello, group.Spec.Key, cancel.Token).ConfigureAwait(false);
                taken = refusal == RefusalReason.None && link.Attach(socket);
                if (Judge(refusal) is not { } evidence)
                {
                    if (refusal != RefusalReason.UnknownGeneration)
                        return;
                    continue;
                }

                group.Lose(link, evidence, $"{link.Peer} refused the connection: {refusal}");
                return;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.HostUnreachable or SocketError.NetworkUnreachable)
            {
                group.Lose(link, Evidence.Silent, $"connecting to {link.Peer}: {e.Message}");
                return;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or EndOfStreamException)
            {
                group.Lose(link, Evidence.ConnectionClosed, $"connecting to {link.Peer}: {e.Message}");
                return;
            }
            catch (FormatException e)
            {
                group.Lose(link, Evidence.Invalid, e.Message);
                return;
            }
            finally
            {
                if (!taken)
                    socket.Dispose();
            }
        }
    }

    /// <summary>What a refusal says of the peer; null where it says nothing against it.</summary>
    private static Evidence? Judge(RefusalReason refusal) => refusal switch
    {
        // The peer is ahead: this worker will hear of the newer generation too.
        RefusalReason.None or RefusalReason.OlderGeneration or RefusalReason.UnknownGeneration or RefusalReason.Repeated => null,

        // Another process answers at its address: the worker that was there is gone.
        RefusalReason.WrongNode => Evidence.ConnectionClosed,
        RefusalReason.TimedOut => Evidence.Silent,
        _ => Evidence.Invalid,
    };

    private static (string Host, int Port) SplitAddress(string address)
    {
        var colon = address.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(address.AsSpan(colon + 1), out var port))
            throw new FormatException($"'{address}' is no data-plane address: host:port is");
        return (address[..colon].Trim('[', ']'), port);
    }
}
