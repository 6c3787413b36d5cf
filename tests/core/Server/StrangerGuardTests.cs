using System.Net;
using System.Net.Sockets;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Server;

public sealed class StrangerGuardTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task Idle_connections_make_room_oldest_first_and_keep_nobody_out()
    {
        await using var server = await TestServer.StartAsync(options => options with { MaxStrangersOfOneAddress = 4 });
        var idle = new List<Socket>();
        for (var i = 0; i < 5; i++)
            idle.Add(await ConnectAsync(server));

        await AssertEndedAsync(idle[0]);
        using var worker = await TestWorker.JoinAsync(server, TestWorker.Hello("a"));
        Assert.Equal("silo", (await server.Client.GetInfoAsync()).Silo);
        idle.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task A_connection_that_shows_no_token_in_time_is_closed_and_one_that_did_stays()
    {
        await using var server = await TestServer.StartAsync(options => options with { StrangerTimeout = TimeSpan.FromMilliseconds(300) });
        using var worker = await TestWorker.JoinAsync(server, TestWorker.Hello("a"));
        using var idle = await ConnectAsync(server);
        using var slow = await ConnectAsync(server);
        await slow.SendAsync("GET /api/v1/in"u8.ToArray());

        await AssertEndedAsync(idle);
        await AssertEndedAsync(slow);
        await worker.SayAsync(new Coordinator.Machines.Heartbeat(1, []));
        await server.Grains.NextAsync<Coordinator.Machines.WorkerSaid>();
    }

    private static async Task<Socket> ConnectAsync(TestServer server)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPEndPoint.Parse(new Uri(server.Server.Url).Authority));
        return socket;
    }

    private static async Task AssertEndedAsync(Socket socket)
    {
        try
        {
            Assert.Equal(0, await socket.ReceiveAsync(new byte[1].AsMemory()).AsTask().WaitAsync(Patience));
        }
        catch (SocketException)
        {
            // Reset is an end too.
        }
    }
}
