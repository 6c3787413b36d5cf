using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Coordinator.Tests.Support;

/// <summary>Somebody who is no silo: gives every request the same answer, and keeps what was asked.</summary>
public sealed class CannedServer : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentQueue<string> requests = new();
    private readonly string answer;
    private readonly Task serving;

    /// <param name="answer">The answer's head, without the empty line behind it.</param>
    public CannedServer(string answer = "HTTP/1.1 502 Bad Gateway")
    {
        this.answer = answer + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        listener.Start();
        serving = ServeAsync();
    }

    public string Url => $"http://{listener.LocalEndpoint}";

    /// <summary>The heads of the requests so far.</summary>
    public IReadOnlyList<string> Requests => [.. requests];

    public async ValueTask DisposeAsync()
    {
        listener.Dispose();
        await serving;
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            try
            {
                using var client = await listener.AcceptTcpClientAsync();
                var stream = client.GetStream();
                using var reader = new StreamReader(stream, Encoding.Latin1);
                var head = new StringBuilder();
                while (await reader.ReadLineAsync() is { Length: > 0 } line)
                    head.Append(line).Append('\n');
                requests.Enqueue(head.ToString());
                await stream.WriteAsync(Encoding.Latin1.GetBytes(answer));
            }
            catch (Exception end) when (end is ObjectDisposedException or SocketException or InvalidOperationException)
            {
                return;
            }
            catch (IOException)
            {
                // Whoever asked has gone.
            }
        }
    }
}
