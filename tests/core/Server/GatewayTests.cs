using System.Net;
using System.Net.WebSockets;
using Coordinator.Machines;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Server;

public sealed class GatewayTests : IAsyncLifetime
{
    private TestServer server = null!;

    public async Task InitializeAsync() =>
        server = await TestServer.StartAsync(
            options => options with { Gateway = options.Gateway with { MaxFrameBytes = 4096, MaxQueuedMessages = 16 } });

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task What_a_worker_says_reaches_its_nodes_grain_between_its_connection_and_its_disconnection()
    {
        var hello = TestWorker.Hello("a");
        using var worker = await TestWorker.ConnectAsync(server);
        await worker.SayAsync(hello);
        await worker.SayAsync(new Heartbeat(1, []));
        await worker.Socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None);

        Assert.Equal(hello.Session, (await server.Grains.NextAsync<WorkerConnected>()).Session);
        Assert.Equal(1, Assert.IsType<Heartbeat>((await server.Grains.NextAsync<WorkerSaid>()).Message).Sequence);
        Assert.Equal(hello.Session, (await server.Grains.NextAsync<WorkerDisconnected>()).Session);
    }

    [Fact]
    public async Task What_the_silo_says_reaches_the_worker_in_order()
    {
        using var worker = await TestWorker.JoinAsync(server, TestWorker.Hello("a"));
        for (var i = 1; i <= 10; i++)
            server.Links.Send(new NodeId("a"), new StepsRecorded(new JobId("j"), 1, i));

        for (var i = 1; i <= 10; i++)
            Assert.Equal(new StepsRecorded(new JobId("j"), 1, i), await worker.HearAsync());
    }

    [Fact]
    public async Task A_long_message_reaches_every_worker_whole_and_what_follows_it_in_order()
    {
        using var one = await TestWorker.JoinAsync(server, TestWorker.Hello("a"));
        using var other = await TestWorker.JoinAsync(server, TestWorker.Hello("b"));
        var members = Enumerable.Range(0, 10_000)
            .Select(i => new Member(new GpuId(new NodeId($"n{i * 7919}"), 0), $"n{i * 104_729}:7000", i)).ToArray();
        var change = new MembershipChange
        {
            Job = new JobId("j"),
            Incarnation = 1,
            FromGeneration = 0,
            ToGeneration = 1,
            Added = members,
            Hash = new string('0', 64),
            Key = "",
        };
        foreach (var node in new[] { "a", "b" })
        {
            server.Links.Send(new NodeId(node), new MembershipChanged(change));
            server.Links.Send(new NodeId(node), new StepsRecorded(new JobId("j"), 1, 1));
        }

        foreach (var worker in new[] { one, other })
        {
            Assert.Equal(members, Assert.IsType<MembershipChanged>(await worker.HearAsync()).Change.Added);
            Assert.IsType<StepsRecorded>(await worker.HearAsync());
        }
    }

    [Fact]
    public async Task Nodes_are_counted_while_they_are_connected_and_one_that_came_back_once()
    {
        using var older = await TestWorker.JoinAsync(server, TestWorker.Hello("a", connection: 1));
        using var newer = await TestWorker.JoinAsync(server, TestWorker.Hello("a", connection: 2));
        await older.CloseAsync();
        await server.Grains.NextAsync<WorkerDisconnected>();
        Assert.Equal(1, server.Links.Count);

        newer.Dispose();
        await server.Grains.NextAsync<WorkerDisconnected>();
        Assert.Equal(0, server.Links.Count);
    }

    [Fact]
    public async Task A_message_to_a_node_without_a_connection_is_dropped()
    {
        server.Links.Send(new NodeId("nowhere"), new StepsRecorded(new JobId("j"), 1, 1));
        using var worker = await TestWorker.JoinAsync(server, TestWorker.Hello("a"));

        Assert.Equal(1, server.Links.Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("wrong")]
    [InlineData(TestServer.Token + "x")]
    public async Task A_worker_without_the_token_is_refused(string token)
    {
        var refusal = await Assert.ThrowsAsync<WebSocketException>(() => TestWorker.ConnectAsync(server, token));

        Assert.Equal(WebSocketError.NotAWebSocket, refusal.WebSocketErrorCode);
        Assert.Equal(0, server.Grains.Untaken);
    }

    [Theory]
    [InlineData(4, "a worker that knows no preparing, and whose faults name no kind")]
    [InlineData(99, "of the future")]
    public async Task Another_protocol_is_refused_with_both_versions_named(int protocol, string shape)
    {
        using var worker = await TestWorker.ConnectAsync(server);
        await worker.SendAsync($"{{\"say\":\"hello\",\"protocol\":{protocol},\"shape\":\"{shape}\"}}");

        Assert.Equal(
            (
                (WebSocketCloseStatus)RefusalKind.Invalid,
                $"protocol {protocol} is not spoken here; this silo speaks {Hello.CurrentProtocol}: run one build on both"),
            await worker.CloseAsync());
    }

    [Theory]
    [InlineData("not json", WebSocketCloseStatus.InvalidPayloadData)]
    [InlineData("{\"say\":", WebSocketCloseStatus.InvalidPayloadData)]
    [InlineData("null", (WebSocketCloseStatus)RefusalKind.Invalid)]
    [InlineData("[]", (WebSocketCloseStatus)RefusalKind.Invalid)]
    [InlineData("{\"say\":\"heartbeat\",\"sequence\":1,\"ranks\":[]}", (WebSocketCloseStatus)RefusalKind.Invalid)]
    [InlineData("{\"say\":\"hello\",\"protocol\":2}", (WebSocketCloseStatus)RefusalKind.Invalid)]
    [InlineData(
        "{\"say\":\"hello\",\"node\":\"b\",\"session\":{\"boot\":1,\"connection\":1},\"dataAddress\":\"x\",\"gpus\":null}",
        (WebSocketCloseStatus)RefusalKind.Invalid)]
    [InlineData(
        "{\"say\":\"hello\",\"node\":\"b\",\"session\":{\"boot\":1,\"connection\":1},\"dataAddress\":\"h:1\",\"gpus\":[null]}",
        (WebSocketCloseStatus)RefusalKind.Invalid)]
    [InlineData(
        "{\"say\":\"hello\",\"node\":\"\\u001b[2J\",\"session\":{\"boot\":1,\"connection\":1},\"dataAddress\":\"x\",\"gpus\":[]}",
        (WebSocketCloseStatus)RefusalKind.Invalid)]
    public async Task A_forged_first_frame_closes_its_connection_alone(string frame, WebSocketCloseStatus status)
    {
        using var bystander = await TestWorker.JoinAsync(server, TestWorker.Hello("bystander"));
        using var forger = await TestWorker.ConnectAsync(server);
        await forger.SendAsync(frame);

        Assert.Equal(status, (await forger.CloseAsync()).Status);
        await AssertUnharmedAsync(bystander);
    }

    [Theory]
    [InlineData("}", WebSocketCloseStatus.InvalidPayloadData)]
    [InlineData("{\"say\":\"nonsense\"}", WebSocketCloseStatus.PolicyViolation)]
    [InlineData("{\"sequence\":1,\"ranks\":[]}", WebSocketCloseStatus.PolicyViolation)]
    [InlineData("{\"say\":\"heartbeat\",\"sequence\":\"one\",\"ranks\":[]}", WebSocketCloseStatus.PolicyViolation)]
    [InlineData("{\"say\":\"heartbeat\",\"sequence\":1}", WebSocketCloseStatus.PolicyViolation)]
    [InlineData("{\"say\":\"heartbeat\",\"sequence\":1,\"ranks\":[null]}", WebSocketCloseStatus.PolicyViolation)]
    [InlineData("{\"say\":\"plan-taken\",\"job\":\"j\",\"generation\":1,\"gpu\":\"bystander/0\"}", WebSocketCloseStatus.PolicyViolation)]
    [InlineData(
        "{\"say\":\"rank-state\",\"job\":\"j\",\"generation\":1,\"gpu\":\"forger/0\",\"boot\":1,\"hasState\":true,\"timeline\":1,\"applied\":1}",
        WebSocketCloseStatus.PolicyViolation)]
    [InlineData(
        "{\"say\":\"peer-accused\",\"job\":\"j\",\"generation\":1,\"accuser\":\"bystander\",\"accused\":\"x\",\"evidence\":\"Silent\"}",
        WebSocketCloseStatus.PolicyViolation)]
    [InlineData(
        "{\"say\":\"steps-applied\",\"job\":\"j\",\"generation\":1,\"timeline\":1,\"steps\":[null]}", WebSocketCloseStatus.PolicyViolation)]
    public async Task A_forged_frame_closes_its_connection_alone(string frame, WebSocketCloseStatus status)
    {
        using var bystander = await TestWorker.JoinAsync(server, TestWorker.Hello("bystander"));
        using var forger = await TestWorker.JoinAsync(server, TestWorker.Hello("forger"));
        await forger.SendAsync(frame);

        var (closed, reason) = await forger.CloseAsync();
        Assert.Equal(status, closed);
        Assert.Equal(reason, (await server.Grains.NextAsync<WorkerDisconnected>()).Reason);
        await AssertUnharmedAsync(bystander);
    }

    [Fact]
    public async Task Every_kind_of_message_that_a_worker_writes_is_read()
    {
        using var worker = await TestWorker.JoinAsync(server, TestWorker.Hello("a"));
        var job = new JobId("j");
        var gpu = new GpuId(new NodeId("a"), 0);
        WorkerMessage[] messages =
        [
            new Heartbeat(1, [new RankPosition(0, job, 1, 2, "computing")]),
            new RankState
            {
                Job = job,
                Generation = 1,
                Gpu = gpu,
                Boot = 1,
                HasState = false,
                Timeline = 1,
                Applied = 0,
                StateBlocks = 3,
                Reduced = [new TagRun(0, 1, 1)],
                Held = [new Subtree(0, 1)],
                Assigned = [default],
            },
            new RankState { Job = job, Generation = 1, Gpu = gpu, Boot = 1, HasState = false, Timeline = 1, Applied = 0 },
            new PlanTaken { Job = job, Generation = 1, Gpu = gpu },
            new RankAdvanced { Job = job, Generation = 1, Gpu = gpu, Step = 1 },
            new PeerAccused { Job = job, Generation = 1, Accuser = gpu.Node, Accused = new NodeId("b"), Evidence = Evidence.Silent },
            new RankFaulted { Job = job, Generation = 1, Gpu = gpu, Detail = "d" },
            new StepsApplied { Job = job, Generation = 1, Timeline = 1, Steps = [new StepRecord(1, 1, double.NaN, 1, 1, 1)] },
            new RankFinished { Job = job, Generation = 1, Gpu = gpu, Step = 1, StateSha256 = "s" },
            new RankLeaving { Job = job, Generation = 1, Gpu = gpu, Reason = "r" },
            new MembershipUnknown { Job = job, Generation = 1, Node = gpu.Node },
        ];
        foreach (var message in messages)
        {
            await worker.SayAsync(message);
            Assert.IsType(message.GetType(), (await server.Grains.NextAsync<WorkerSaid>()).Message);
        }
    }

    [Fact]
    public async Task An_oversized_frame_closes_its_connection_alone()
    {
        using var bystander = await TestWorker.JoinAsync(server, TestWorker.Hello("bystander"));
        using var forger = await TestWorker.JoinAsync(server, TestWorker.Hello("forger"));
        await forger.SendAsync(new string(' ', 100_000));

        Assert.Equal((WebSocketCloseStatus.MessageTooBig, "a frame has at most 4096 bytes"), await forger.CloseAsync());
        await server.Grains.NextAsync<WorkerDisconnected>();
        await AssertUnharmedAsync(bystander);
    }

    [Fact]
    public async Task A_binary_frame_closes_its_connection()
    {
        using var worker = await TestWorker.JoinAsync(server, TestWorker.Hello("a"));
        await worker.SendAsync("{}", WebSocketMessageType.Binary);

        Assert.Equal(WebSocketCloseStatus.InvalidMessageType, (await worker.CloseAsync()).Status);
    }

    [Fact]
    public async Task A_connection_that_says_no_hello_in_time_is_closed()
    {
        await using var strict = await TestServer.StartAsync(
            options => options with { Gateway = options.Gateway with { HelloTimeout = TimeSpan.FromMilliseconds(20) } });
        using var worker = await TestWorker.ConnectAsync(strict);

        Assert.Equal((WebSocketCloseStatus.PolicyViolation, "no hello within 0.02 s"), await worker.CloseAsync());
    }

    [Fact]
    public async Task A_newer_session_of_a_node_takes_over_from_an_older_one()
    {
        using var older = await TestWorker.JoinAsync(server, TestWorker.Hello("a", boot: 1, connection: 1));
        using var newer = await TestWorker.JoinAsync(server, TestWorker.Hello("a", boot: 1, connection: 2));

        Assert.Equal((WebSocketCloseStatus.PolicyViolation, "a newer session of this node connected"), await older.CloseAsync());
        server.Links.Send(new NodeId("a"), new StepsRecorded(new JobId("j"), 1, 1));
        Assert.IsType<StepsRecorded>(await newer.HearAsync());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_connection_that_is_not_newer_than_its_own_process_has_is_refused(long connection)
    {
        using var present = await TestWorker.JoinAsync(server, TestWorker.Hello("a", boot: 2, connection: 2));
        using var late = await TestWorker.ConnectAsync(server);
        await late.SayAsync(TestWorker.Hello("a", 2, connection));

        Assert.Equal((WebSocketCloseStatus.PolicyViolation, "this or a newer connection of the process stands"), await late.CloseAsync());
        await AssertUnharmedAsync(present);
    }

    [Fact]
    public async Task A_second_worker_of_a_name_speaks_for_nobody_until_the_grain_welcomes_it_and_is_told_when_it_is_refused()
    {
        var node = new NodeId("a");
        using var first = await TestWorker.JoinAsync(server, TestWorker.Hello("a", boot: 1));
        using var second = await TestWorker.ConnectAsync(server);
        var hello = TestWorker.Hello("a", boot: 2);
        await second.SayAsync(hello);
        await server.Grains.NextAsync<WorkerConnected>();

        server.Links.Send(node, new StepsRecorded(new JobId("j"), 1, 1));
        Assert.IsType<StepsRecorded>(await first.HearAsync());
        Assert.True(server.Links.Send(node, new WorkerRefused(hello.Session, RefusalKind.NameHeard, "process 7 has this name")));

        Assert.Equal(((WebSocketCloseStatus)RefusalKind.NameHeard, "process 7 has this name"), await second.CloseAsync());
        Assert.Equal(hello.Session, (await server.Grains.NextAsync<WorkerDisconnected>()).Session);
        await AssertUnharmedAsync(first);
        Assert.False(server.Links.Send(node, new Welcome(hello.Session, TimeSpan.FromHours(1))));
    }

    [Theory]
    [InlineData("", "no valid message: an id has 1 to 256 characters")]
    [InlineData("a/b", "a node's name has letters, digits, '.', '-', '_' and ':' only")]
    [InlineData("..", "a node's name is not of dots alone")]
    public async Task A_name_that_no_node_can_have_is_refused_for_good(string name, string problem)
    {
        using var worker = await TestWorker.ConnectAsync(server);
        await worker.SayAsync(TestWorker.Hello(name));

        Assert.Equal(((WebSocketCloseStatus)RefusalKind.Invalid, problem), await worker.CloseAsync());
    }

    [Theory]
    [InlineData("0.0.0.0:7071")]
    [InlineData("127.0.0.1:0")]
    [InlineData("nowhere")]
    public async Task A_data_address_that_nobody_can_dial_is_refused_for_good(string address)
    {
        using var worker = await TestWorker.ConnectAsync(server);
        await worker.SayAsync(TestWorker.Hello("a") with { DataAddress = address });

        Assert.Equal(
            ((WebSocketCloseStatus)RefusalKind.Invalid, $"data address '{address}': {DataAddresses.Problem(address)}"),
            await worker.CloseAsync());
    }

    [Fact]
    public async Task A_worker_that_does_not_read_is_disconnected_and_its_grain_told()
    {
        using var worker = await TestWorker.JoinAsync(server, TestWorker.Hello("a"));
        var large = new MembershipChanged(new MembershipChange
        {
            Job = new JobId("j"),
            Incarnation = 1,
            FromGeneration = 1,
            ToGeneration = 2,
            Hash = new string('0', 1 << 20),
            Key = "",
        });
        for (var i = 0; i < 200; i++)
            server.Links.Send(new NodeId("a"), large);

        Assert.Equal(
            "more than 32 messages wait for this worker: it reads too slowly",
            (await server.Grains.NextAsync<WorkerDisconnected>()).Reason);
    }

    [Fact]
    public async Task A_silo_that_stops_says_so_to_its_workers()
    {
        using var worker = await TestWorker.JoinAsync(server, TestWorker.Hello("a"));
        var stopping = server.Server.StopAsync();

        Assert.Equal((WebSocketCloseStatus.EndpointUnavailable, "the silo is stopping"), await worker.CloseAsync());
        await stopping;
        Assert.Equal("the silo is stopping", (await server.Grains.NextAsync<WorkerDisconnected>()).Reason);
    }

    [Fact]
    public async Task A_request_that_is_no_WebSocket_is_told_what_to_do()
    {
        using var friend = server.Friend();
        using var answer = await friend.GetAsync(new Uri("/worker", UriKind.Relative));

        Assert.Equal(HttpStatusCode.UpgradeRequired, answer.StatusCode);
    }

    private async Task AssertUnharmedAsync(TestWorker bystander)
    {
        await bystander.SayAsync(new Heartbeat(7, []));
        Assert.Equal(new Heartbeat(7, []).Sequence, ((Heartbeat)(await server.Grains.NextAsync<WorkerSaid>()).Message).Sequence);
    }
}
