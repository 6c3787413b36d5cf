using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Server.Client;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Server;

/// <summary>A worker's side of the gateway, by hand.</summary>
public sealed class TestWorker : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly byte[] buffer = new byte[1 << 16];

    private static readonly HttpMessageInvoker Http = SiloHttp.Create();

    private TestWorker(ClientWebSocket socket) => Socket = socket;

    public ClientWebSocket Socket { get; }

    public static Hello Hello(string node, long boot = 1, long connection = 1) => new()
    {
        Node = new NodeId(node),
        Session = new WorkerSession(boot, connection),
        DataAddress = "127.0.0.1:1",
        Gpus = [new GpuDescription(0, "cpu 0", "test", "cpu")],
    };

    public static async Task<TestWorker> ConnectAsync(TestServer server, string token = TestServer.Token)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        socket.Options.CollectHttpResponseDetails = true;
        var worker = new TestWorker(socket);
        await socket.ConnectAsync(
            new Uri(server.Server.Url.Replace("http", "ws", StringComparison.Ordinal) + "/worker"), Http, CancellationToken.None);
        return worker;
    }

    /// <summary>Lets the node's grain welcome the worker, and hears it.</summary>
    public async Task WelcomeAsync(TestServer server, Hello hello)
    {
        Assert.True(server.Links.Send(hello.Node, new Welcome(hello.Session, TimeSpan.FromHours(1))));
        Assert.IsType<Welcome>(await HearAsync());
    }

    /// <summary>Connects, says hello, and is welcomed by the node's grain.</summary>
    public static async Task<TestWorker> JoinAsync(TestServer server, Hello hello)
    {
        var worker = await ConnectAsync(server);
        await worker.SayAsync(hello);
        await server.Grains.NextAsync<WorkerConnected>();
        await worker.WelcomeAsync(server, hello);
        return worker;
    }

    public Task SayAsync(WorkerMessage message) => SendAsync(JsonSerializer.Serialize(message, MachinesJson.Default.WorkerMessage));

    public Task SendAsync(string text, WebSocketMessageType type = WebSocketMessageType.Text) =>
        Socket.SendAsync(Encoding.UTF8.GetBytes(text), type, true, CancellationToken.None);

    /// <summary>The next whole message, in however many pieces it comes.</summary>
    public async Task<CoordinatorMessage?> HearAsync()
    {
        using var text = new MemoryStream();
        WebSocketReceiveResult result;
        do
        {
            result = await Socket.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Patience);
            text.Write(buffer, 0, result.Count);
        }
        while (!result.EndOfMessage);
        return JsonSerializer.Deserialize(text.ToArray(), MachinesJson.Default.CoordinatorMessage);
    }

    /// <summary>Reads on until the silo's close frame.</summary>
    public async Task<(WebSocketCloseStatus? Status, string? Reason)> CloseAsync()
    {
        WebSocketReceiveResult result;
        do
            result = await Socket.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Patience);
        while (result.MessageType != WebSocketMessageType.Close);
        await Socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None);
        return (Socket.CloseStatus, Socket.CloseStatusDescription);
    }

    public void Dispose() => Socket.Dispose();
}
