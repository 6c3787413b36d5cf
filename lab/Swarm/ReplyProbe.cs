using System.Collections.Concurrent;
using System.Diagnostics;
using Coordinator.Server.Client;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// Asks the silo for one node's view twenty times a second, for as long as it lives, and keeps how long the answers took.
/// </summary>
internal sealed class ReplyProbe : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly CoordinatorClient client;
    private readonly SwarmShape shape;
    private readonly ConcurrentQueue<double> times = new();
    private readonly CancellationTokenSource end = new();
    private readonly Task asking;

    public ReplyProbe(CoordinatorClient client, SwarmShape shape)
    {
        (this.client, this.shape) = (client, shape);
        asking = Task.Run(AskAsync);
    }

    /// <summary>Milliseconds of the answers since the last call. Questions that no silo answered are not among them.</summary>
    public IReadOnlyList<double> Take()
    {
        List<double> taken = [];
        while (times.TryDequeue(out var time))
            taken.Add(time);
        return taken;
    }

    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        await asking;
        end.Dispose();
    }

    private async Task AskAsync()
    {
        for (var asked = 0; !end.IsCancellationRequested; asked++)
        {
            try
            {
                var at = Stopwatch.GetTimestamp();
                await client.GetNodeAsync(shape.NameOf((int)(asked * 37L % shape.Nodes)), end.Token);
                times.Enqueue(Stopwatch.GetElapsedTime(at).TotalMilliseconds);
                await Task.Delay(Pause, end.Token);
            }
            catch (CoordinatorApiException)
            {
                // The silo is down, or too busy to say so.
                await Task.Delay(Pause, CancellationToken.None);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
