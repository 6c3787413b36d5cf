using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Client;
using Coordinator.Worker;
using Coordinator.Worker.Agent;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Faults;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Telemetry;

namespace Coordinator.Tests.Worker;

public sealed class NodeAgentTests : IAsyncDisposable
{
    private readonly HttpListener listener = new();
    private readonly CancellationTokenSource leave = new();
    private readonly HttpMessageInvoker http = SiloHttp.Create();
    private readonly Uri silo;
    private Task agent = Task.CompletedTask;

    public NodeAgentTests()
    {
        using var probe = new Socket(SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var port = ((IPEndPoint)probe.LocalEndPoint!).Port;
        probe.Dispose();
        silo = new Uri($"http://127.0.0.1:{port}");
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
    }

    public async ValueTask DisposeAsync()
    {
        await leave.CancelAsync();
        await agent.For("the end of the agent");
        listener.Close();
        http.Dispose();
    }

    [Fact]
    public async Task It_waits_for_a_silo_and_connects_again_when_it_is_lost()
    {
        // Nobody listens yet.
        Start();
        listener.Start();
        using (var first = await AcceptAsync())
        {
            var hello = Assert.IsType<Hello>(await SaidAsync(first));
            Assert.Equal((new NodeId("a"), new WorkerSession(42, 1).Boot, 2), (hello.Node, hello.Session.Boot, hello.Gpus.Count));
            await TellAsync(first, new Welcome(hello.Session, TimeSpan.FromMilliseconds(20)));
            Assert.Equal(1, Assert.IsType<Heartbeat>(await SaidAsync(first)).Sequence);
            Assert.Equal(2, Assert.IsType<Heartbeat>(await SaidAsync(first)).Sequence);
            first.Abort();
        }

        using var second = await AcceptAsync();
        var again = Assert.IsType<Hello>(await SaidAsync(second));
        Assert.True(new WorkerSession(42, 1).IsOlderThan(again.Session));
        await TellAsync(second, new Welcome(again.Session, TimeSpan.FromMilliseconds(20)));
        Assert.True(Assert.IsType<Heartbeat>(await SaidAsync(second)).Sequence >= 3);
    }

    [Fact]
    public async Task Its_hello_describes_each_gpu_and_telemetry_is_said_under_the_same_index()
    {
        DeviceDescription[] gpus =
        [
            new() { Device = "cpu", Name = "CPU", MemoryBytes = 3, DeviceClass = "cpu-x64-k1" },
            new() { Device = "ilgpu:cuda:5", Name = "GPU", MemoryBytes = 7, DeviceClass = "cuda-sm90", PciBusId = "00000000:3B:00.0" },
        ];
        listener.Start();
        agent = RunAsync(Options([silo]) with { Gpus = gpus, TelemetryPeriod = TimeSpan.FromMilliseconds(5) }, new Thermometer());
        using var socket = await AcceptAsync();
        var hello = Assert.IsType<Hello>(await SaidAsync(socket));
        Assert.Equal(
            [
                new GpuDescription(0, "CPU", "cpu-x64-k1", "cpu") { MemoryBytes = 3 },
                new GpuDescription(1, "GPU", "cuda-sm90", "ilgpu:cuda:5") { MemoryBytes = 7 },
            ],
            hello.Gpus);
        await TellAsync(socket, new Welcome(hello.Session, TimeSpan.FromSeconds(30)));
        WorkerMessage said;
        do
            said = await SaidAsync(socket);
        while (said is not GpusMeasured);
        var reading = Assert.Single(((GpusMeasured)said).Readings);
        Assert.Equal((1, 64.0), (reading.Index, reading.TemperatureC));
        Assert.Equal([48], reading.Xids);
    }

    [Fact]
    public async Task It_says_hello_again_on_the_same_connection_until_it_is_welcomed()
    {
        // The node's grain was on a silo that has died, and the first hello with it.
        listener.Start();
        Start();
        using var socket = await AcceptAsync();
        var first = Assert.IsType<Hello>(await SaidAsync(socket));
        var second = Assert.IsType<Hello>(await SaidAsync(socket));
        Assert.Equal(first.Session, second.Session);

        await TellAsync(socket, new Welcome(second.Session, TimeSpan.FromMilliseconds(20)));
        WorkerMessage said;
        do
            said = await SaidAsync(socket);
        while (said is Hello);
        Assert.Equal(1, Assert.IsType<Heartbeat>(said).Sequence);
    }

    [Fact]
    public async Task Lost_by_one_silo_it_goes_on_with_the_next_and_comes_round_to_the_first_again()
    {
        listener.Start();

        // Three ways to the same listener, told apart by their paths.
        Start(new Uri(silo, "a"), new Uri(silo, "b"), new Uri(silo, "c"));
        List<string> visited = [];
        for (var i = 0; i < 4; i++)
        {
            var context = await listener.GetContextAsync().For("a connection");
            visited.Add(context.Request.Url!.AbsolutePath);
            using var socket = (await context.AcceptWebSocketAsync(null)).WebSocket;
            await SaidAsync(socket);
            socket.Abort();
        }

        Assert.Equal(3, visited.Distinct().Count());
        Assert.Equal(visited[0], visited[3]);
    }

    [Fact]
    public void Workers_begin_with_different_silos()
    {
        var firsts = Enumerable.Range(1, 300).CountBy(worker => SiloLink.Spread(new NodeId($"worker-{worker}")) % 3);

        Assert.All(firsts, first => Assert.InRange(first.Value, 70, 130));
    }

    [Fact]
    public async Task What_waits_for_an_answer_is_said_again_to_a_new_silo()
    {
        listener.Start();
        Start();
        Membership members;
        using (var first = await AcceptAsync())
        {
            var hello = Assert.IsType<Hello>(await SaidAsync(first));
            await TellAsync(first, new Welcome(hello.Session, TimeSpan.FromHours(1)));
            members = Membership.None(Sample.Job).Apply(2, [], [new Member(Sample.Gpu("a"), hello.DataAddress, 42)]);
            await TellAsync(first, new MembershipChanged(new MembershipChange
            {
                Job = Sample.Job,
                Incarnation = 1,
                FromGeneration = 0,
                ToGeneration = 2,
                Added = members.Members,
                Hash = members.Hash,
                Key = Convert.ToBase64String(Sample.Key),
                Spec = Sample.Spec(),
            }));
            await TellAsync(first, new RankOrdered(
                new PrepareRank { Job = Sample.Job, Incarnation = 1, Timeline = 0, Generation = 2, Gpu = Sample.Gpu("a") }));
            while (await SaidAsync(first) is not RankState)
            {
            }

            first.Abort();
        }

        using var second = await AcceptAsync();
        var again = Assert.IsType<Hello>(await SaidAsync(second));
        await TellAsync(second, new Welcome(again.Session, TimeSpan.FromHours(1)));
        WorkerMessage said;
        do
            said = await SaidAsync(second);
        while (said is Heartbeat);
        Assert.Equal(2, Assert.IsType<RankState>(said).Generation);

        // Released, it may end at once.
        var leaving = leave.CancelAsync();
        while (await SaidAsync(second) is not RankLeaving)
        {
        }

        await TellAsync(
            second,
            new RankOrdered(new ReleaseRank { Job = Sample.Job, Incarnation = 1, Timeline = 0, Generation = 3, Gpu = Sample.Gpu("a") }));
        await leaving;
        await agent.For("the end of the agent");
    }

    [Fact]
    public async Task A_silo_that_sends_nonsense_is_left_with_a_reason()
    {
        listener.Start();
        Start();
        using var first = await AcceptAsync();
        await SaidAsync(first);
        await first.SendAsync("{\"tell\":\"nonsense\"}"u8.ToArray().AsMemory(), WebSocketMessageType.Text, true, CancellationToken.None);
        var buffer = new byte[4096];
        WebSocketReceiveResult result;
        do
            result = await first.ReceiveAsync(buffer, CancellationToken.None).For("the close");
        while (result.MessageType != WebSocketMessageType.Close);
        Assert.Equal(WebSocketCloseStatus.InvalidPayloadData, result.CloseStatus);
        using var second = await AcceptAsync();
        Assert.IsType<Hello>(await SaidAsync(second));
    }

    [Fact]
    public async Task A_message_that_cannot_be_written_ends_the_worker_with_its_name()
    {
        // Otherwise the worker goes on hearing and says nothing more: its silo excludes it, and nobody knows why.
        listener.Start();
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", "Bearer secret");
        var connecting = socket.ConnectAsync(SiloLink.GatewayOf(silo), http, CancellationToken.None);
        using var accepted = await AcceptAsync();
        await connecting.For("the connection");
        var session = new WorkerSession(42, 1);
        using var connection = new SiloConnection(socket, session, FaultPlan.None);
        var running = connection.RunAsync(
            new Hello { Node = new NodeId("a"), Session = session, DataAddress = "127.0.0.1:1", ProcessId = 1, Gpus = [] },
            _ => { },
            CancellationToken.None);
        Assert.IsType<Hello>(await SaidAsync(accepted));
        connection.Tell(new Unwritable());
        var reason = await Assert.ThrowsAsync<InvalidDataException>(() => running.For("the end of the connection"));
        Assert.Contains(nameof(Unwritable), reason.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refused_while_another_of_its_name_is_heard_it_asks_again_and_once_that_one_is_known_to_live_it_ends()
    {
        listener.Start();
        Start();
        await RefuseAsync(RefusalKind.NameHeard, "process 7 has this name");
        await RefuseAsync(RefusalKind.NameTaken, "process 7 has this name");

        var ended = await Assert.ThrowsAsync<WorkerEndedException>(() => agent.For("the end of the agent"));
        agent = Task.CompletedTask;
        Assert.Equal("The node's name 'a' is another worker's: process 7 has this name.", ended.Message);
        Assert.Null(ended.DisplacedBy);
    }

    [Fact]
    public async Task Displaced_it_ends_and_knows_the_number_that_its_next_process_has_to_be_above()
    {
        listener.Start();
        Start();
        using (var socket = await AcceptAsync())
        {
            var hello = Assert.IsType<Hello>(await SaidAsync(socket));
            await TellAsync(socket, new Welcome(hello.Session, TimeSpan.FromHours(1)));
            await CloseAsync(socket, RefusalKind.Displaced, "process 8 has taken the node's name, boot 4711");
        }

        var ended = await Assert.ThrowsAsync<WorkerEndedException>(() => agent.For("the end of the agent"));
        agent = Task.CompletedTask;
        Assert.Equal(4711, ended.DisplacedBy);
    }

    [Fact]
    public async Task It_ends_where_every_silo_refuses_it_for_good_and_not_before()
    {
        listener.Start();
        Start(new Uri(silo, "worker"), new Uri(silo, "worker?2"));
        await RefuseAsync(RefusalKind.Invalid, "protocol 9 is not spoken here");
        Assert.False(agent.IsCompleted);
        await RefuseAsync(RefusalKind.Invalid, "protocol 9 is not spoken here");

        await Assert.ThrowsAsync<WorkerEndedException>(() => agent.For("the end of the agent"));
        agent = Task.CompletedTask;
    }

    private async Task RefuseAsync(RefusalKind kind, string text)
    {
        using var socket = await AcceptAsync();
        await SaidAsync(socket);
        await CloseAsync(socket, kind, text);
    }

    private static Task CloseAsync(WebSocket socket, RefusalKind kind, string text) =>
        socket.CloseAsync((WebSocketCloseStatus)kind, text, CancellationToken.None).For("the close");

    [Fact]
    public void Waits_grow_and_differ_between_workers()
    {
        var one = new Backoff(1);
        var waits = Enumerable.Range(0, 12).Select(_ => one.Next()).ToArray();
        for (var i = 0; i < waits.Length; i++)
        {
            var whole = TimeSpan.FromMilliseconds(Math.Min(2000, 50 * Math.Pow(2, Math.Min(i, 10))));
            Assert.InRange(waits[i], whole / 2.6, whole);
        }

        var other = new Backoff(2);
        Assert.NotEqual(waits, Enumerable.Range(0, 12).Select(_ => other.Next()).ToArray());
        one.Reset();
        Assert.InRange(one.Next(), Backoff.First / 2, Backoff.First);
    }

    private void Start(params Uri[] silos) => agent = RunAsync(Options(silos is [] ? [silo] : silos));

    private static WorkerOptions Options(Uri[] silos) =>
        new() { Node = new NodeId("a"), Silos = silos, Gpus = CpuDeviceClass.Devices(2), Boot = 42, Token = "secret" };

    private Task RunAsync(WorkerOptions options, IGpuTelemetry? telemetry = null) =>
        NodeAgent.RunAsync(
            options,
            new WorkerServices(new Programs(), new RecordingModels(), new SilentLog()) { Http = http, Telemetry = telemetry },
            leave.Token);

    private async Task<WebSocket> AcceptAsync()
    {
        var context = await listener.GetContextAsync().For("a connection");
        Assert.Equal(("/worker", "Bearer secret"), (context.Request.Url!.AbsolutePath, context.Request.Headers["Authorization"]));
        return (await context.AcceptWebSocketAsync(null)).WebSocket;
    }

    private static Task TellAsync(WebSocket socket, CoordinatorMessage message) =>
        socket.SendAsync(
            JsonSerializer.SerializeToUtf8Bytes(message, MachinesJson.Default.CoordinatorMessage),
            WebSocketMessageType.Text,
            true,
            CancellationToken.None);

    private static async Task<WorkerMessage> SaidAsync(WebSocket socket)
    {
        var buffer = new byte[64 << 10];
        var length = 0;
        WebSocketReceiveResult result;
        do
        {
            result = await socket.ReceiveAsync(
                new ArraySegment<byte>(buffer, length, buffer.Length - length), CancellationToken.None).For("a message");
            length += result.Count;
        }
        while (!result.EndOfMessage);
        return JsonSerializer.Deserialize(buffer.AsSpan(0, length), MachinesJson.Default.WorkerMessage)!;
    }

    private sealed record Unwritable : WorkerMessage;

    /// <summary>Telemetry of every device with a PCI address.</summary>
    private sealed class Thermometer : IGpuTelemetry
    {
        private int xid = 48;

        public GpuReading? Read(DeviceDescription device, int index) => device.PciBusId.Length == 0
            ? null
            : new GpuReading
            {
                Index = index,
                TemperatureC = 64,
                Xids = Interlocked.Exchange(ref xid, 0) is > 0 and var first ? [first] : [],
            };

        public void Dispose()
        {
        }
    }

    private sealed class Programs : IProgramFactory
    {
        public IRankDevice Create(JobId job, JobSpec spec, GpuId gpu, CancellationToken cancel) => new TinyDevice(20);
    }
}
