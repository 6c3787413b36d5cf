using System.Net;
using System.Net.Sockets;
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
public sealed class DataPlane : IAsyncDisposable, IGenerationDirectory
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
    private readonly DataListener acceptor;
    private readonly Task accepting;
    private GenerationLinks[] watched = [];
    private TaskCompletionSource joined = NewSignal();

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
        Address = options.AdvertisedHost is { } host ? DataAddresses.Join(host, bound.Port) : bound.ToString();
        watch = new LinkWatch(() => Volatile.Read(ref watched), options.KeepAlivePeriod);
        acceptor = new DataListener(options, listener, this, log, stopping.Token);
        accepting = Task.Run(acceptor.RunAsync);
    }

    /// <summary>Where peers reach this worker, <c>host:port</c>.</summary>
    public string Address { get; }

    /// <summary>What is wrong with <see cref="Address"/>, as far as this host can know; null: nothing.</summary>
    public Task<string?> AddressProblemAsync(CancellationToken cancel) => SelfDial.ProblemAsync(Address, acceptor.SelfHello, cancel);

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
        foreach (var link in group.Links.Where(group.Dials))
            _ = Task.Run(() => PeerDialer.RunAsync(options.Node, group, link, stopping.Token));
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

    /// <summary>The group of the hello's generation; one that is newer than what is known here is waited for.</summary>
    async Task<(GenerationLinks? Group, RefusalReason Refusal)> IGenerationDirectory.FindAsync(
        HandshakeHello hello, CancellationToken limit)
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
}
