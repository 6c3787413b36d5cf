using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Coordinator.Machines;
using Coordinator.Worker;
using Coordinator.Worker.Transport;

namespace Coordinator.Tests.Worker;

public sealed class DataListenerTests : IAsyncDisposable
{
    private readonly List<Socket> strangers = [];
    private readonly List<DataPlane> planes = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var stranger in strangers)
            stranger.Dispose();
        foreach (var plane in planes)
            await plane.DisposeAsync();
    }

    [Fact]
    public async Task A_thousand_idle_connections_keep_no_peer_out()
    {
        var (dialer, heard) = Plane("a");
        var (listener, _) = Plane("b");
        for (var i = 0; i < 1024; i++)
            await ConnectAsync(listener.Address);
        var members = Members(dialer.Address, listener.Address);
        dialer.Join(Generation(members));
        listener.Join(Generation(members));
        listener.Send(Sample.Job, Sample.Frame(1, 0, kind: FrameKind.Contribution), new OutgoingPayload(new byte[8]));

        await heard.Frames.Next("the frame over the connection that a dialled");
        Assert.False(heard.Losses.TryRead(out _));
    }

    [Fact]
    public async Task Of_those_that_wait_one_that_says_nothing_makes_room_and_is_told_so()
    {
        var (listener, _) = Plane("b", options => options with { MaxHandshakesOfOneAddress = 2 });
        var mute = await ConnectAsync(listener.Address);
        var speaking = await ConnectAsync(listener.Address);
        await speaking.SendAsync(Hello(generation: 7));
        await ConnectAsync(listener.Address);

        Assert.Equal((byte)RefusalReason.Busy, await ReadByteAsync(mute));

        // The one that spoke waits for its generation still.
        listener.Join(Generation(Members("127.0.0.1:1", listener.Address, generation: 7)));
        Assert.Equal(0, await ReadByteAsync(speaking));
    }

    [Fact]
    public async Task Who_says_a_byte_now_and_then_is_sent_away_at_the_handshakes_deadline()
    {
        var (listener, _) = Plane("b", options => options with { HandshakeTimeout = TimeSpan.FromMilliseconds(50) });
        var slow = await ConnectAsync(listener.Address);
        await slow.SendAsync(Hello(generation: 1).AsMemory(0, 3));

        Assert.Equal((byte)RefusalReason.TimedOut, await ReadByteAsync(slow));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_door_that_is_full_or_closes_at_once_is_dialled_again_and_is_no_evidence(bool saysBusy)
    {
        var (dialer, heard) = Plane("a");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        dialer.Join(Generation(Members(dialer.Address, listener.LocalEndpoint.ToString()!)));
        for (var i = 0; i < 3; i++)
        {
            using var refused = await listener.AcceptSocketAsync().For("a connection");
            if (saysBusy)
                await refused.SendAsync(new[] { (byte)RefusalReason.Busy });
        }

        using var again = await listener.AcceptSocketAsync().For("another connection");
        Assert.False(heard.Losses.TryRead(out _));
    }

    [Fact]
    public async Task What_a_door_that_stays_full_becomes_is_silence_with_the_address_and_the_trouble()
    {
        var (dialer, heard) = Plane("a", options => options with { KeepAlivePeriod = TimeSpan.FromMilliseconds(50) });
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = listener.LocalEndpoint.ToString()!;
        var refusing = RefuseAsync(listener);
        dialer.Join(Generation(Members(dialer.Address, address)) with { PeerTimeout = TimeSpan.FromMilliseconds(400) });

        var lost = await heard.Losses.Next("the loss of b");
        listener.Stop();
        await refusing;

        Assert.Equal((Evidence.Silent, true), (lost.Evidence, lost.Unreached));
        Assert.Contains($"no connection with b at {address} in ", lost.Detail, StringComparison.Ordinal);
        Assert.EndsWith(": its door is full", lost.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_that_leads_to_its_own_worker_has_no_problem_and_one_that_does_not_is_named()
    {
        var (right, _) = Plane("a");
        var (wrong, _) = Plane("b", options => options with { AdvertisedHost = "127.0.0.9" });
        var (elsewhere, _) = Plane("c", options => options with { AdvertisedHost = "192.0.2.1" });

        Assert.Null(await right.AddressProblemAsync(CancellationToken.None));
        Assert.StartsWith("nobody listens there", await wrong.AddressProblemAsync(CancellationToken.None), StringComparison.Ordinal);
        Assert.Null(await elsewhere.AddressProblemAsync(CancellationToken.None));
    }

    [Fact]
    public async Task An_address_at_which_another_worker_answers_is_noticed()
    {
        var (other, _) = Plane("a");
        var own = new HandshakeHello(new JobId("self"), 1, new NodeId("b"), new NodeId("b"), RandomNumberGenerator.GetBytes(32));

        Assert.Equal("another process answers there", await SelfDial.ProblemAsync(other.Address, own, CancellationToken.None));
    }

    private static async Task RefuseAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                using var refused = await listener.AcceptSocketAsync();
                await refused.SendAsync(new[] { (byte)RefusalReason.Busy });
            }
        }
        catch (Exception stopped) when (stopped is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The test has ended.
        }
    }

    private (DataPlane Plane, RecordingSink Sink) Plane(string node, Func<DataPlaneOptions, DataPlaneOptions>? change = null)
    {
        var options = new DataPlaneOptions
        {
            Node = new NodeId(node),
            HandshakeTimeout = TimeSpan.FromSeconds(20),
            UnknownGenerationHold = TimeSpan.FromSeconds(20),
        };
        var plane = new DataPlane(change?.Invoke(options) ?? options, new SilentLog());
        planes.Add(plane);
        var sink = new RecordingSink();
        plane.Attach(Sample.Job, Sample.Gpu(node), sink);
        return (plane, sink);
    }

    private static Membership Members(string a, string b, long generation = 1) => new()
    {
        Job = Sample.Job,
        Generation = generation,
        Hash = new string('0', 64),
        Members = [new Member(Sample.Gpu("a"), a, 1), new Member(Sample.Gpu("b"), b, 1)],
    };

    private static GenerationSpec Generation(Membership members) =>
        new() { Members = members, Key = Sample.Key, Incarnation = 1, BlockBytes = 64, PeerTimeout = TimeSpan.FromSeconds(10) };

    private static byte[] Hello(long generation) =>
        new HandshakeHello(Sample.Job, generation, new NodeId("a"), new NodeId("b"), RandomNumberGenerator.GetBytes(32)).Encode();

    private async Task<Socket> ConnectAsync(string address)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        strangers.Add(socket);
        await socket.ConnectAsync(IPEndPoint.Parse(address)).For("a connection");
        return socket;
    }

    private static async Task<byte> ReadByteAsync(Socket socket)
    {
        var bytes = new byte[1];
        Assert.Equal(1, await socket.ReceiveAsync(bytes.AsMemory()).AsTask().For("a byte"));
        return bytes[0];
    }
}
