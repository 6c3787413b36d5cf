using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Coordinator.Machines;
using Coordinator.Worker;
using Coordinator.Worker.Transport;

namespace Coordinator.Tests.Worker;

public sealed class DataPlaneTests : IAsyncDisposable
{
    private const int BlockBytes = 64;

    private readonly Dictionary<string, DataPlane> planes = [];
    private readonly Dictionary<string, RecordingSink> sinks = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var plane in planes.Values)
            await plane.DisposeAsync();
    }

    [Fact]
    public async Task Frames_go_both_ways_and_arrive_as_they_were_sent()
    {
        Join(1, "a", "b");
        float[] numbers = [1, float.Epsilon, -0f, float.MaxValue];
        Send("a", "b", numbers);
        Send("b", "a", [7, 8]);
        var (header, payload) = await sinks["b"].Frames.Next("the frame from a");
        Assert.Equal(numbers.Select(BitConverter.SingleToUInt32Bits), payload.Select(BitConverter.SingleToUInt32Bits));
        Assert.Equal((0, 1, 1L), (header.From, header.To, header.Generation));
        var back = await sinks["a"].Frames.Next("the frame from b");
        Assert.Equal([7, 8], back.Payload);
    }

    [Fact]
    public async Task Many_frames_keep_their_order()
    {
        Join(1, "a", "b");
        for (var i = 0; i < 500; i++)
            Send("a", "b", [i, i + 1]);
        for (var i = 0; i < 500; i++)
        {
            var next = await sinks["b"].Frames.Next($"frame {i}");
            Assert.Equal([i, i + 1], next.Payload);
        }
    }

    [Fact]
    public async Task Large_frames_arrive_whole_though_no_socket_takes_them_at_once()
    {
        const int Bytes = 2 << 20;
        Plane("a");
        Plane("b");
        var spec = Generation(Members(1, ("a", 0), ("b", 0)), Sample.Key) with { BlockBytes = Bytes };
        planes["a"].Join(spec);
        planes["b"].Join(spec);
        var payload = new byte[Bytes];
        for (var i = 0; i < payload.Length; i++)
            payload[i] = (byte)((i * 31) + (i >> 11));
        for (var i = 0; i < 16; i++)
            planes["a"].Send(Sample.Job, Sample.Frame(0, 1, kind: FrameKind.Contribution) with { Block = i }, new OutgoingPayload(payload));
        for (var i = 0; i < 16; i++)
        {
            var (header, numbers) = await sinks["b"].Frames.Next($"frame {i}");
            Assert.Equal(i, header.Block);
            Assert.True(System.Runtime.InteropServices.MemoryMarshal.AsBytes(numbers.AsSpan()).SequenceEqual(payload));
        }
    }

    [Fact]
    public async Task Ranks_of_one_worker_are_handed_a_copy()
    {
        var plane = Plane("a");
        var other = new RecordingSink();
        var members = Members(1, (Sample.Gpu("a"), "a"), (Sample.Gpu("a", 1), "a"));
        plane.Attach(Sample.Job, Sample.Gpu("a", 1), other);
        plane.Join(Generation(members, Sample.Key));
        var bytes = new byte[8];
        plane.Send(Sample.Job, Sample.Frame(0, 1, kind: FrameKind.Contribution), new OutgoingPayload(bytes));
        bytes[3] = 64;
        var received = await other.Frames.Next("the frame");
        Assert.Equal([0, 0], received.Payload);
    }

    [Fact]
    public async Task A_reduced_block_for_all_ranks_of_a_worker_crosses_once()
    {
        // Before there is a connection frames queue, and then leave together.
        Plane("a");
        var members = Members(1, ("a", 0), ("a", 1), ("b", 0));
        planes["b"].Join(Generation(members, Sample.Key));
        var bytes = new byte[] { 0, 0, 128, 63, 0, 0, 0, 64 };
        for (var to = 0; to < 2; to++)
            planes["b"].Send(Sample.Job, Sample.Frame(2, to, kind: FrameKind.Reduced), new OutgoingPayload(bytes));
        planes["b"].Send(Sample.Job, Sample.Frame(2, 0, kind: FrameKind.Credit), OutgoingPayload.None);
        using var peer = await RawAsync("b", 1, prove: true);

        Assert.Null(FrameHeader.TryRead(await ReadAsync(peer, FrameHeader.Size), out var header));
        Assert.Equal((FrameKind.Reduced, 0, 2), (header.Kind, header.To, header.Count));
        Assert.Equal(bytes, await ReadAsync(peer, bytes.Length));
        Assert.Null(FrameHeader.TryRead(await ReadAsync(peer, FrameHeader.Size), out var next));
        Assert.Equal((FrameKind.Credit, 0), (next.Kind, next.Count));
    }

    [Theory]
    [InlineData(2, true)]
    [InlineData(3, false)]
    [InlineData(int.MaxValue, false)]
    public async Task A_frame_for_several_ranks_is_handed_to_each_and_refused_where_one_lives_elsewhere(int count, bool taken)
    {
        var second = new RecordingSink();
        Plane("b").Attach(Sample.Job, Sample.Gpu("b", 1), second);
        planes["b"].Join(Generation(Members(1, ("a", 0), ("b", 0), ("b", 1), ("c", 0)), Sample.Key));
        using var peer = await RawAsync("b", 1, prove: true);
        await peer.SendAsync(Encode(Sample.Frame(0, 1, kind: FrameKind.Reduced) with { Count = count }, new byte[8]));
        if (!taken)
        {
            await ClosedAsync(peer);
            Assert.Equal(Evidence.Invalid, (await sinks["b"].Losses.Next("the loss of a", lost => lost.Node == new NodeId("a"))).Evidence);
            return;
        }

        Assert.Equal(
            (1, 0), (await sinks["b"].Frames.Next("the first rank's") is var first ? (first.Header.To, first.Header.Count) : default));
        Assert.Equal(
            (2, 0), (await second.Frames.Next("the second rank's") is var other ? (other.Header.To, other.Header.Count) : default));
    }

    [Fact]
    public async Task A_wrong_key_is_refused_and_harms_nobody_else()
    {
        var members = Members(1, ("a", 0), ("b", 0), ("c", 0));
        Plane("b").Join(Generation(members, Sample.Key));
        Plane("c").Join(Generation(members, Sample.Key));
        Plane("a").Join(Generation(members, new byte[32]));
        var lost = await sinks["a"].Losses.Next("a's refusal");
        Assert.Equal(Evidence.Invalid, lost.Evidence);
        planes["b"].Send(Sample.Job, Sample.Frame(1, 2, kind: FrameKind.Contribution), new OutgoingPayload(new byte[8]));
        await sinks["c"].Frames.Next("b's frame to c");
        Assert.False(sinks["b"].Losses.TryRead(out _));
    }

    [Fact]
    public async Task An_older_generation_is_refused()
    {
        Join(5, "a", "b");
        using var socket = await RawAsync("b", generation: 4, prove: false);
        Assert.Equal((byte)RefusalReason.OlderGeneration, await ReadByteAsync(socket));
    }

    [Fact]
    public async Task A_newer_generation_waits_until_it_is_known_here()
    {
        Join(5, "a", "b");
        using var socket = await RawAsync("b", generation: 6, prove: false);
        planes["b"].Join(Generation(Members(6, ("a", 0), ("b", 0)), Sample.Key));
        Assert.Equal(0, await ReadByteAsync(socket));
    }

    [Fact]
    public async Task A_generation_that_never_becomes_known_is_refused_after_the_hold()
    {
        Plane("b", hold: TimeSpan.FromMilliseconds(50));
        using var socket = await RawAsync("b", generation: 6, prove: false);
        Assert.Equal((byte)RefusalReason.UnknownGeneration, await ReadByteAsync(socket));
    }

    [Fact]
    public async Task Another_nodes_connection_and_nonsense_are_refused()
    {
        Join(5, "a", "b");
        using var strangers = await RawAsync("b", generation: 5, prove: false, to: "z");
        Assert.Equal((byte)RefusalReason.WrongNode, await ReadByteAsync(strangers));
        using var unknown = await RawAsync("b", generation: 5, prove: false, from: "A");
        Assert.Equal((byte)RefusalReason.NotExpected, await ReadByteAsync(unknown));
        using var nonsense = await ConnectAsync("b");
        await nonsense.SendAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\n\r\n"));
        Assert.Equal((byte)RefusalReason.Malformed, await ReadByteAsync(nonsense));
    }

    [Fact]
    public async Task A_recorded_proof_is_of_no_use()
    {
        Plane("b").Join(Generation(Members(1, ("a", 0), ("b", 0)), Sample.Key));
        byte[] proof;
        using (var first = await RawAsync("b", 1, prove: true))
            proof = lastProof;
        using var second = await RawAsync("b", 1, prove: false);
        Assert.Equal(0, await ReadByteAsync(second));
        await ReadAsync(second, 32);
        await second.SendAsync(proof);
        Assert.Equal((byte)RefusalReason.WrongKey, await ReadByteAsync(second));
    }

    [Theory]
    [InlineData("checksum")]
    [InlineData("payload")]
    [InlineData("tag")]
    [InlineData("generation")]
    [InlineData("incarnation")]
    [InlineData("from")]
    [InlineData("to")]
    [InlineData("magic")]
    [InlineData("oversized")]
    [InlineData("too large for the job")]
    [InlineData("unexpected payload")]
    public async Task A_forged_frame_ends_its_connection_and_no_other(string what)
    {
        // c dials nobody, b is dialled by a (forged) and dials c (sound).
        var members = Members(1, ("a", 0), ("b", 0), ("c", 0));
        Plane("b").Join(Generation(members, Sample.Key));
        Plane("c").Join(Generation(members, Sample.Key));
        using var forger = await RawAsync("b", 1, prove: true);
        await forger.SendAsync(Encode(Sample.Frame(0, 1, kind: FrameKind.Contribution), new byte[8]));
        await sinks["b"].Frames.Next("the sound frame before");

        await forger.SendAsync(Forge(what));

        var lost = await sinks["b"].Losses.Next($"the loss after {what}");
        Assert.Equal((new NodeId("a"), 1L, Evidence.Invalid), (lost.Node, lost.Generation, lost.Evidence));
        await ClosedAsync(forger);
        planes["b"].Send(Sample.Job, Sample.Frame(1, 2, kind: FrameKind.Contribution), new OutgoingPayload(new byte[8]));
        await sinks["c"].Frames.Next("b's frame to c");
        Assert.False(sinks["b"].Frames.TryRead(out _));
        Assert.False(sinks["c"].Losses.TryRead(out _));
    }

    [Fact]
    public async Task A_truncated_frame_is_a_closed_connection()
    {
        Plane("b").Join(Generation(Members(1, ("a", 0), ("b", 0)), Sample.Key));
        using (var peer = await RawAsync("b", 1, prove: true))
            await peer.SendAsync(Encode(Sample.Frame(0, 1, kind: FrameKind.Contribution), new byte[8])[..^3]);
        Assert.Equal(Evidence.ConnectionClosed, (await sinks["b"].Losses.Next("the loss")).Evidence);
        Assert.False(sinks["b"].Frames.TryRead(out _));
    }

    [Fact]
    public async Task A_frame_that_its_rank_refuses_ends_the_connection()
    {
        Join(1, "a", "b");
        sinks["b"].Refuse = "no such block";
        Send("a", "b", [1]);
        Assert.Equal(Evidence.Invalid, (await sinks["b"].Losses.Next("b's loss")).Evidence);
    }

    [Fact]
    public async Task A_dead_worker_is_told_at_once_by_refused_dial_or_closed_connection()
    {
        Join(1, "a", "b");
        Send("a", "b", [1]);
        await sinks["b"].Frames.Next("the frame");
        await planes["b"].DisposeAsync();
        Assert.Equal(Evidence.ConnectionClosed, (await sinks["a"].Losses.Next("a's loss")).Evidence);
        planes["a"].Join(Generation(Members(2, ("a", 0), ("b", 0)), Sample.Key));
        var second = await sinks["a"].Losses.Next("a's second loss");
        Assert.Equal((2L, Evidence.ConnectionClosed), (second.Generation, second.Evidence));
    }

    [Fact]
    public async Task A_rank_that_comes_late_learns_of_what_was_lost_before()
    {
        Join(1, "a", "b");
        await planes["b"].DisposeAsync();
        await sinks["a"].Losses.Next("a's loss");
        var late = new RecordingSink();
        planes["a"].Attach(Sample.Job, Sample.Gpu("a"), late);
        Assert.Equal(new NodeId("b"), (await late.Losses.Next("the late loss")).Node);
    }

    [Fact]
    public async Task A_silent_worker_is_accused_after_the_peer_timeout_and_gets_signs_of_life_until_then()
    {
        Plane("b", keepAlive: TimeSpan.FromMilliseconds(40));
        planes["b"].Join(Generation(Members(1, ("a", 0), ("b", 0)), Sample.Key) with { PeerTimeout = TimeSpan.FromMilliseconds(400) });
        using var mute = await RawAsync("b", 1, prove: true);
        var bytes = await ReadAsync(mute, FrameHeader.Size);
        Assert.Null(FrameHeader.TryRead(bytes, out var header));
        Assert.Equal(FrameKind.KeepAlive, header.Kind);
        Assert.Equal(Evidence.Silent, (await sinks["b"].Losses.Next("the loss")).Evidence);
    }

    [Fact]
    public async Task A_newer_generation_accuses_nobody_of_the_older_and_drops_its_frames()
    {
        Join(1, "a", "b");
        Send("a", "b", [1]);
        await sinks["b"].Frames.Next("the frame");
        Join(2, "a", "b");
        Send("a", "b", [2], generation: 1);
        Send("a", "b", [3], generation: 2);
        var newer = await sinks["b"].Frames.Next("the frame of generation 2");
        Assert.Equal((2L, 3f), (newer.Header.Generation, newer.Payload[0]));
        while (sinks["a"].Losses.TryRead(out var lost) || sinks["b"].Losses.TryRead(out lost))
            Assert.Equal(1, lost.Generation);
    }

    private byte[] lastProof = [];

    private static byte[] Forge(string what)
    {
        var frame = Sample.Frame(0, 1, kind: FrameKind.Contribution);
        switch (what)
        {
            case "checksum":
                var wrong = Encode(frame, new byte[8]);
                wrong[8] ^= 1;
                return wrong;
            case "payload":
                var flipped = Encode(frame, new byte[8]);
                flipped[^1] ^= 1;
                return flipped;
            case "magic":
                var strange = Encode(frame, new byte[8]);
                strange[0] ^= 1;
                return strange;
            case "oversized":
                return Encode(frame with { PayloadBytes = FrameHeader.MaxPayloadBytes + 1 }, []);
            case "too large for the job":
                return Encode(frame, new byte[BlockBytes + 4]);
            case "unexpected payload":
                return Encode(frame with { Kind = FrameKind.Ready }, new byte[4]);
            default:
                return Encode(
                    what switch
                    {
                        "tag" => frame with { JobTag = 1 },
                        "generation" => frame with { Generation = 2 },
                        "incarnation" => frame with { Incarnation = 0 },
                        "from" => frame with { From = 2 },
                        _ => frame with { To = 2 },
                    },
                    new byte[8]);
        }
    }

    private static byte[] Encode(FrameHeader header, byte[] payload)
    {
        var bytes = new byte[FrameHeader.Size + payload.Length];
        var length = header.PayloadBytes == 0 ? payload.Length : header.PayloadBytes;
        (header with { PayloadBytes = length, Checksum = 0 }).Write(bytes);
        payload.CopyTo(bytes, FrameHeader.Size);
        var checksum = FrameBytes.Checksum(bytes.AsSpan(0, FrameHeader.Size), payload);
        BitConverter.TryWriteBytes(bytes.AsSpan(8), checksum);
        return bytes;
    }

    private static Membership Members(long generation, params (GpuId Gpu, string Address)[] members) => new()
    {
        Job = Sample.Job,
        Generation = generation,
        Hash = new string('0', 64),
        Members = [.. members.Select(member => new Member(member.Gpu, member.Address, 1))],
    };

    private static GenerationSpec Generation(Membership members, byte[] key) => new()
    {
        Members = members,
        Key = key,
        Incarnation = 1,
        BlockBytes = BlockBytes,
        PeerTimeout = TimeSpan.FromSeconds(10),
    };

    private static async Task<byte> ReadByteAsync(Socket socket) => (await ReadAsync(socket, 1))[0];

    private static async Task<byte[]> ReadAsync(Socket socket, int count)
    {
        var bytes = new byte[count];
        for (var at = 0; at < count;)
        {
            var read = await socket.ReceiveAsync(bytes.AsMemory(at)).AsTask().For($"{count} bytes");
            Assert.True(read > 0, $"the connection ended after {at} of {count} bytes");
            at += read;
        }

        return bytes;
    }

    private static async Task ClosedAsync(Socket socket)
    {
        var bytes = new byte[256];
        try
        {
            while (await socket.ReceiveAsync(bytes).For("the end of the connection") > 0)
            {
            }
        }
        catch (SocketException)
        {
            // Reset is an end too.
        }
    }

    private Membership Members(long generation, params (string Node, int Index)[] members) =>
        Members(generation, [.. members.Select(member => (
            Sample.Gpu(member.Node, member.Index),
            planes.TryGetValue(member.Node, out var plane) ? plane.Address : Plane(member.Node).Address))]);

    private DataPlane Plane(string node, TimeSpan? hold = null, TimeSpan? keepAlive = null)
    {
        if (planes.TryGetValue(node, out var known))
            return known;
        var plane = planes[node] = new DataPlane(
            new DataPlaneOptions
            {
                Node = new NodeId(node),
                UnknownGenerationHold = hold ?? TimeSpan.FromSeconds(10),
                HandshakeTimeout = TimeSpan.FromSeconds(20),
                KeepAlivePeriod = keepAlive ?? TimeSpan.FromMilliseconds(250),
            },
            new SilentLog());
        sinks[node] = new RecordingSink();
        plane.Attach(Sample.Job, Sample.Gpu(node), sinks[node]);
        return plane;
    }

    private void Join(long generation, params string[] nodes)
    {
        var members = Members(generation, [.. nodes.Select(node => (node, 0))]);
        foreach (var node in nodes)
            planes[node].Join(Generation(members, Sample.Key));
    }

    private void Send(string from, string to, float[] numbers, long generation = 1)
    {
        var bytes = new byte[numbers.Length * 4];
        Buffer.BlockCopy(numbers, 0, bytes, 0, bytes.Length);
        planes[from].Send(
            Sample.Job, Sample.Frame(from[0] - 'a', to[0] - 'a', generation, FrameKind.Contribution), new OutgoingPayload(bytes));
    }

    private async Task<Socket> ConnectAsync(string node)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPEndPoint.Parse(planes[node].Address)).For($"a connection to {node}");
        return socket;
    }

    /// <summary>Speaks the dialer's part by hand, with a proof of its own making.</summary>
    private async Task<Socket> RawAsync(string node, long generation, bool prove, string from = "a", string? to = null)
    {
        var socket = await ConnectAsync(node);
        var hello = new HandshakeHello(
            Sample.Job, generation, new NodeId(from), new NodeId(to ?? node), RandomNumberGenerator.GetBytes(32)).Encode();
        await socket.SendAsync(hello);
        if (!prove)
            return socket;
        Assert.Equal(0, await ReadByteAsync(socket));
        var nonce = await ReadAsync(socket, 32);
        lastProof = HMACSHA256.HashData(Sample.Key, (byte[])[.. "coordinator data plane, dialer"u8, .. nonce, .. hello]);
        await socket.SendAsync(lastProof);
        Assert.Equal(0, await ReadByteAsync(socket));
        Assert.Equal(
            HMACSHA256.HashData(Sample.Key, (byte[])[.. "coordinator data plane, acceptor"u8, .. nonce, .. hello]),
            await ReadAsync(socket, 32));
        return socket;
    }
}
