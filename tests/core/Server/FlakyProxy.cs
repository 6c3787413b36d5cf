using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Coordinator.Tests.Server;

/// <summary>A proxy in front of a server that fails connections as a test says, one after the other, and lets the others through.</summary>
public sealed class FlakyProxy : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource over = new();
    private readonly ConcurrentQueue<(long FromClient, long FromServer)> failures;
    private readonly ConcurrentBag<string> asked = [];
    private readonly int port;
    private readonly Task serving;

    /// <summary>Opens it.</summary>
    /// <param name="url">The server.</param>
    /// <param name="failures">For each connection how many bytes pass from the client and from the server before it is cut.</param>
    public FlakyProxy(string url, params IEnumerable<(long FromClient, long FromServer)> failures)
    {
        this.failures = new(failures);
        port = new Uri(url).Port;
        listener.Start();
        serving = ServeAsync();
    }

    /// <summary>A connection that is closed at once.</summary>
    public static (long FromClient, long FromServer) Closed => (0, 0);

    public string Url => $"http://{listener.LocalEndpoint}";

    /// <summary>Failures that did not happen yet.</summary>
    public int Left => failures.Count;

    /// <summary>Everything that clients have sent, as text.</summary>
    public string Asked => string.Concat(asked);

    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        listener.Stop();
        await serving;
        over.Dispose();
    }

    private async Task ServeAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(over.Token);
                var (up, down) = failures.TryDequeue(out var failure) ? failure : (long.MaxValue, long.MaxValue);
                connections.Add(PassAsync(client, up, down));
            }
        }
        catch (Exception closed) when (closed is OperationCanceledException or SocketException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task PassAsync(TcpClient client, long up, long down)
    {
        using (client)
        {
            if (up == 0)
                return;
            using var server = new TcpClient();
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, port, over.Token);
                await Task.WhenAny(CopyAsync(client, server, up, asked.Add), CopyAsync(server, client, down, _ => { }));
            }
            catch (Exception cut) when (cut is IOException or SocketException or OperationCanceledException)
            {
                // Both ends are closed, which is all that there is to do.
            }
        }
    }

    private async Task CopyAsync(TcpClient from, TcpClient to, long limit, Action<string> seen)
    {
        var buffer = new byte[8192];
        try
        {
            for (long passed = 0; passed < limit;)
            {
                var count = await from.GetStream().ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, limit - passed)), over.Token);
                if (count == 0)
                    return;
                seen(Encoding.Latin1.GetString(buffer, 0, count));
                await to.GetStream().WriteAsync(buffer.AsMemory(0, count), over.Token);
                passed += count;
            }
        }
        catch (Exception cut) when (
            cut is IOException or SocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // The other end, or the test, has ended the connection.
        }
    }
}
