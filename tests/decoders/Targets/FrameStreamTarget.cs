using System.Net;
using System.Net.Sockets;
using Coordinator.Machines;
using Coordinator.Worker;
using Coordinator.Worker.Transport;

namespace Coordinator.Decoders.Targets;

/// <summary>
/// A whole connection of the data plane behind its handshake: streams of frames through a socket into the link that reads them. A stream
/// is accepted if all its frames were; else the link is lost for a declared reason. In either case it ends, and every payload goes back.
/// </summary>
public sealed class FrameStreamTarget : DecoderTarget, IDisposable
{
    private const int BlockBytes = 4096;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private static readonly NodeId Here = new("here");
    private static readonly NodeId There = new("there");
    private static readonly JobId Job = new("job");

    private readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly GenerationSpec spec;

    /// <summary>Listens on loopback.</summary>
    public FrameStreamTarget()
    {
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(16);
        var members = new[]
        {
            (Here, 0), (Here, 1), (There, 0),
        }.Select(one => new Member(new GpuId(one.Item1, one.Item2), "127.0.0.1:1", 1)).ToArray();
        spec = new GenerationSpec
        {
            Members = Membership.None(Job).Apply(3, [], members),
            Key = new byte[32],
            Incarnation = 1,
            BlockBytes = BlockBytes,
            PeerTimeout = TimeSpan.FromMinutes(1),
            BlocksPerRankPair = 64,
        };
    }

    /// <inheritdoc/>
    public override string Name => "frame-stream";

    /// <inheritdoc/>
    public override string About => "frames on a data-plane connection, read from a socket";

    /// <inheritdoc/>
    public override bool UsesOtherThreads => true;

    /// <inheritdoc/>
    public override long MostAllocated(int length) => (1 << 20) + (16L * length);

    /// <inheritdoc/>
    public void Dispose() => listener.Dispose();

    /// <inheritdoc/>
    public override byte[] Make(Dice dice) => [.. Enumerable.Range(0, 1 + dice.Below(6)).SelectMany(_ => Frame(dice))];

    /// <inheritdoc/>
    public override bool Read(byte[] input)
    {
        var group = new GenerationLinks(spec, Here, frameSent: null, new SilentLog());
        var sink = new Sink();
        foreach (var member in spec.Members.Members.Where(member => member.Gpu.Node == Here))
            group.SetSink(member.Gpu, sink);
        using var far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        far.Connect(listener.LocalEndPoint!);
        var link = group.LinkOf(There)!;
        Hold(link.Attach(listener.Accept()), "the link took no connection");
        try
        {
            far.Send(input);
            far.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // The link has closed already: the first frame was wrong.
        }

        Hold(sink.Lost.Task.Wait(Patience), $"the link was not lost within {Patience.TotalSeconds:0} s after its stream had ended");
        group.Close();
        var evidence = sink.Lost.Task.Result;
        Hold(evidence is Evidence.Invalid or Evidence.ConnectionClosed, $"the link was lost as {evidence}");
        return evidence == Evidence.ConnectionClosed;
    }

    private static byte[] Frame(Dice dice)
    {
        var kind = dice.Of(new[]
        {
            FrameKind.Contribution,
            FrameKind.Reduced,
            FrameKind.State,
            FrameKind.Ready,
            FrameKind.Credit,
            FrameKind.ReducedRequest,
            FrameKind.StateRequest,
            FrameKind.KeepAlive,
        });
        var carries = kind is FrameKind.Contribution or FrameKind.Reduced or FrameKind.State;
        var payload = carries ? dice.Bytes(4 * (1 + dice.Below(64))) : [];
        var several = kind == FrameKind.Reduced && dice.OneIn(2);
        var header = new FrameHeader
        {
            Kind = kind,
            JobTag = RankMachine.TagOf(Job),
            Incarnation = 1,
            Timeline = 0,
            Generation = 3,
            From = 2,
            To = several ? 0 : dice.Below(2),
            Step = 1 + dice.Below(100),
            Block = dice.Below(10),
            Count = several ? 2 : 0,
            Subtree = kind == FrameKind.Contribution ? new Subtree(4, 4) : default,
            PayloadBytes = payload.Length,
        };
        var bytes = FrameHeaderTarget.Bytes(header);
        var checksum = FrameBytes.Checksum(bytes, payload);
        BitConverter.TryWriteBytes(bytes.AsSpan(FrameBytes.ChecksumAt), checksum);
        return [.. bytes, .. payload];
    }

    /// <summary>A rank that takes every frame and lets its payload go.</summary>
    private sealed class Sink : IFrameSink
    {
        public TaskCompletionSource<Evidence> Lost { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string? Accept(in FrameHeader header, PooledBlock? payload)
        {
            payload?.Release();
            return null;
        }

        public void PeerLost(NodeId node, long generation, Evidence evidence, string detail, bool unreached) => Lost.TrySetResult(evidence);
    }
}
