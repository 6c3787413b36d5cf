using System.Diagnostics.CodeAnalysis;
using Coordinator.Machines;

namespace Coordinator.Worker.Transport;

/// <summary>All connections of one worker in one generation of one job, and the way to the ranks of its own.</summary>
[SuppressMessage(
    "Reliability", "CA1001", Justification = "the source has no timer and no wait handle, and its token outlives the generation")]
internal sealed class GenerationLinks
{
    private readonly NodeId self;
    private readonly ulong jobTag;
    private readonly SortedDictionary<NodeId, PeerLink> links = [];
    private readonly SortedDictionary<NodeId, (Evidence Evidence, string Detail, bool Unreached)> losses = [];
    private readonly PeerLink?[] linkOfRank;
    private readonly IFrameSink?[] sinks;
    private readonly CancellationTokenSource over = new();
    private readonly Lock gate = new();
    private readonly IWorkerLog log;
    private readonly int firstLocalRank;

    public GenerationLinks(GenerationSpec spec, NodeId self, Action<FrameHeader>? frameSent, IWorkerLog log)
    {
        Spec = spec;
        this.self = self;
        this.log = log;
        FrameSent = frameSent;
        jobTag = RankMachine.TagOf(spec.Job);
        Pool = new BlockPool(spec.BlockBytes);
        Over = over.Token;
        var members = spec.Members.Members;
        sinks = new IFrameSink?[members.Count];
        var locals = members.Count(member => member.Gpu.Node == self);
        firstLocalRank = Enumerable.Range(0, members.Count).First(rank => members[rank].Gpu.Node == self);
        foreach (var peer in members.Where(member => member.Gpu.Node != self).GroupBy(member => member.Gpu.Node))
        {
            links[peer.Key] = new PeerLink(
                this, peer.Key, (int)Math.Min(int.MaxValue, (long)locals * peer.Count() * spec.BlocksPerRankPair));
        }
        linkOfRank = [.. members.Select(member => links.GetValueOrDefault(member.Gpu.Node))];
        Addresses = members.GroupBy(member => member.Gpu.Node).ToDictionary(node => node.Key, node => node.First().Address);
    }

    public GenerationSpec Spec { get; }

    public BlockPool Pool { get; }

    /// <summary>Cancelled when the generation is over here.</summary>
    public CancellationToken Over { get; }

    public Action<FrameHeader>? FrameSent { get; }

    public IReadOnlyCollection<PeerLink> Links => links.Values;

    public IReadOnlyDictionary<NodeId, string> Addresses { get; }

    public PeerLink? LinkOf(NodeId node) => links.GetValueOrDefault(node);

    /// <summary>Whether this worker opens the connection, and not its peer.</summary>
    public bool Dials(PeerLink link) => self.CompareTo(link.Peer) < 0;

    /// <summary>Connects a local rank, which learns at once of what was lost before. Null disconnects.</summary>
    public void SetSink(GpuId gpu, IFrameSink? sink)
    {
        var rank = Spec.Members.RankOf(gpu);
        if (rank < 0)
            return;
        KeyValuePair<NodeId, (Evidence Evidence, string Detail, bool Unreached)>[] before;
        lock (gate)
        {
            sinks[rank] = sink;
            before = [.. losses];
        }

        foreach (var (node, loss) in before)
            sink?.PeerLost(node, Spec.Generation, loss.Evidence, loss.Detail, loss.Unreached);
    }

    /// <summary>Sends from a local rank. To another rank of this worker the payload is copied and handed over at once.</summary>
    public void Send(in FrameHeader header, in OutgoingPayload payload)
    {
        if (Over.IsCancellationRequested || header.To >= linkOfRank.Length)
        {
            payload.Owner?.Release();
            return;
        }

        if (linkOfRank[header.To] is { } link)
        {
            link.Send(header, payload);
            return;
        }

        PooledBlock? copy = null;
        if (payload.Bytes.Count > 0)
        {
            copy = Pool.Rent(payload.Bytes.Count);
            payload.Bytes.AsSpan().CopyTo(copy.Segment);
            payload.Owner?.Release();
        }

        if (Deliver(header with { PayloadBytes = payload.Bytes.Count }, copy) is { } refused)
        {
            copy?.Release();
            throw new InvalidOperationException($"a frame between ranks of one worker was refused: {refused}");
        }

        FrameSent?.Invoke(header);
    }

    /// <summary>Whether a frame can be the peer's in this generation; null where it can, else why not.</summary>
    public string? Check(in FrameHeader header, NodeId peer)
    {
        var members = Spec.Members.Members;
        if (header.JobTag != jobTag)
            return $"a frame of job tag {header.JobTag:x16} on a connection of {jobTag:x16}";
        if (header.Generation != Spec.Generation)
            return $"a frame of generation {header.Generation} on a connection of generation {Spec.Generation}";
        if (header.Incarnation == 0)
            return "a frame without incarnation";
        if (header.From >= members.Count || members[header.From].Gpu.Node != peer)
            return $"a frame from rank {header.From}, which is not at {peer}";
        if (header.To >= members.Count || members[header.To].Gpu.Node != self)
            return $"a frame for rank {header.To}, which is not at {self}";
        if (IsForSeveral(header) && (header.Count > members.Count - header.To || members[header.To + header.Count - 1].Gpu.Node != self))
            return $"a frame for {header.Count} ranks from {header.To} on, which are not all at {self}";
        var carries = header.Kind is FrameKind.Contribution or FrameKind.Reduced or FrameKind.State;
        if (carries != header.PayloadBytes > 0)
            return $"a {header.Kind} frame with {header.PayloadBytes} bytes of payload";
        if (header.PayloadBytes > Spec.BlockBytes)
            return $"a payload of {header.PayloadBytes} bytes; a block of the job has {Spec.BlockBytes}";
        return null;
    }

    /// <summary>
    /// Whether a frame stands for several, to ranks that follow each other on one node: a reduced block goes to all of them with the
    /// same numbers, so it crosses once.
    /// </summary>
    public static bool IsForSeveral(in FrameHeader header) => header.Kind == FrameKind.Reduced && header.Count > 1;

    /// <summary>
    /// Hands a frame that came to the rank or ranks that it is for; the payload's reference passes on unless it is refused.
    /// </summary>
    public string? DeliverAll(in FrameHeader header, PooledBlock? payload)
    {
        if (!IsForSeveral(header))
            return Deliver(header, payload);
        for (var i = 0; i < header.Count; i++)
        {
            payload?.Retain();
            if (Deliver(header with { To = header.To + i, Count = 0 }, payload) is not { } refused)
                continue;
            payload?.Release();
            return refused;
        }

        payload?.Release();
        return null;
    }

    /// <summary>Hands a frame to its local rank. A rank that has gone, or failed, needs nothing any more.</summary>
    public string? Deliver(in FrameHeader header, PooledBlock? payload)
    {
        var sink = Volatile.Read(ref sinks[header.To]);
        if (sink is not null)
            return sink.Accept(header, payload);
        payload?.Release();
        return null;
    }

    public void SendKeepAlive(PeerLink link)
    {
        var members = Spec.Members.Members;
        var to = 0;
        while (members[to].Gpu.Node != link.Peer)
            to++;
        link.Send(
            new FrameHeader
            {
                Kind = FrameKind.KeepAlive,
                JobTag = jobTag,
                Incarnation = Math.Max(1, Spec.Incarnation),
                Timeline = 0,
                Generation = Spec.Generation,
                From = firstLocalRank,
                To = to,
                Step = 0,
            },
            OutgoingPayload.None);
    }

    /// <summary>
    /// A link is lost for the generation; every local rank is told, once. Links closed because the generation is over accuse nobody.
    /// </summary>
    public void Lose(PeerLink link, Evidence evidence, string detail, bool unreached = false)
    {
        IFrameSink?[] told;
        lock (gate)
        {
            if (link.Closed || !losses.TryAdd(link.Peer, (evidence, detail, unreached)))
                return;
            told = [.. sinks];
        }

        link.Close();
        log.Warn($"{Spec.Job} generation {Spec.Generation}: lost {link.Peer} ({evidence}): {detail}");
        foreach (var sink in told)
            sink?.PeerLost(link.Peer, Spec.Generation, evidence, detail, unreached);
    }

    /// <summary>The generation is over here: all connections are aborted, nobody is accused.</summary>
    public void Close()
    {
        over.Cancel();
        foreach (var link in links.Values)
            link.Close();
    }
}
