using Coordinator.Server.Client;

namespace Coordinator.Runs.Jobs;

/// <summary>
/// Brings a job's frozen data up again whenever the silo has no sound copy of them any more, for as long as whoever submitted the job stays
/// with it: a worker that lost its own copy then waits for a moment, and not for a person.
/// </summary>
internal sealed class DataWatch : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource stop = new();
    private readonly Task watching;

    /// <summary>Begins to watch.</summary>
    /// <param name="client">The silo.</param>
    /// <param name="path">The frozen data here.</param>
    /// <param name="sha256">Their SHA-256.</param>
    public DataWatch(CoordinatorClient client, string path, string sha256) => watching = WatchAsync(client, path, sha256, stop.Token);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await watching;
        stop.Dispose();
    }

    private static async Task WatchAsync(CoordinatorClient client, string path, string sha256, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(Period, stop);
                await client.UploadDataAsync(path, sha256, stop);
            }
            catch (CoordinatorApiException refused) when (!refused.MayRepeat)
            {
                // The copy here is no better, or the silo takes none: sending it again and again would change nothing.
                return;
            }
            catch (Exception away) when (away is CoordinatorApiException or HttpRequestException or IOException
                or UnauthorizedAccessException or OperationCanceledException)
            {
                // The silo is away, or this is over; whether there is a copy here is asked again, too.
            }
        }
    }
}
