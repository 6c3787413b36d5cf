using System.Threading.Channels;

namespace Coordinator.Runs.Alerts;

/// <summary>
/// Brings alerts to one sink, in order, each until it is told: a sink that is away loses nothing that fits into <see cref="Most"/>, and
/// keeps nobody from looking or from telling others.
/// </summary>
public sealed class AlertDelivery : IAsyncDisposable
{
    /// <summary>Alerts that wait at most; the oldest of more are given up.</summary>
    public const int Most = 1000;

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    private readonly Channel<Alert> waiting = Channel.CreateBounded<Alert>(
        new BoundedChannelOptions(Most) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
    private readonly CancellationTokenSource ending = new();
    private readonly IAlertSink sink;
    private readonly Action<string> complain;
    private readonly TimeProvider time;
    private readonly Task running;

    /// <summary>To a sink; <paramref name="complain"/> hears once of each time that the sink is away.</summary>
    public AlertDelivery(IAlertSink sink, Action<string> complain, TimeProvider? time = null)
    {
        (this.sink, this.complain, this.time) = (sink, complain, time ?? TimeProvider.System);
        running = RunAsync();
    }

    /// <summary>Puts an alert behind those that wait.</summary>
    public void Add(Alert alert) => waiting.Writer.TryWrite(alert);

    /// <summary>No more come: ends once all are told, or after a while.</summary>
    public async Task FlushAsync(TimeSpan patience)
    {
        waiting.Writer.TryComplete();
        await Task.WhenAny(running, Task.Delay(patience, time));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        waiting.Writer.TryComplete();
        await ending.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ending.Dispose();
    }

    private async Task RunAsync()
    {
        await foreach (var alert in waiting.Reader.ReadAllAsync(ending.Token))
        {
            for (var pause = FirstPause; await sink.TellAsync(alert, ending.Token) is { } why; pause = Longer(pause))
            {
                if (pause == FirstPause)
                    complain($"{why}; it is tried again until it is told");
                await Task.Delay(pause, time, ending.Token);
            }
        }
    }

    private static TimeSpan Longer(TimeSpan pause) => pause * 2 < LongestPause ? pause * 2 : LongestPause;
}
