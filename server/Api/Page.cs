using Coordinator.Server.Storage;

namespace Coordinator.Server.Api;

/// <summary>Pages and long polls.</summary>
internal static class Page
{
    private const int Default = 1000;
    private const int Largest = 10_000;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    /// <summary>Items on a page: what was asked for, 1 to 10,000, 1,000 by default.</summary>
    public static int Limit(int? asked) => Math.Clamp(asked ?? Default, 1, Largest);

    /// <summary>Time to wait for items: what was asked for, up to a minute.</summary>
    public static TimeSpan Wait(int? milliseconds)
    {
        var wait = TimeSpan.FromMilliseconds(Math.Max(0, milliseconds ?? 0));
        return wait < LongestWait ? wait : LongestWait;
    }

    /// <summary>Reads until there is something, until the time is up, or until the server is <paramref name="stopping"/>.</summary>
    public static async Task<IReadOnlyList<T>> WaitAsync<T>(
        IEventStore store, Func<Task<IReadOnlyList<T>>> read, TimeSpan wait, TimeProvider time, CancellationToken stopping, CancellationToken cancel)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stopping, cancel);
        var start = time.GetTimestamp();
        while (true)
        {
            var changed = store.Changed;
            var items = await read().ConfigureAwait(false);
            var left = wait - time.GetElapsedTime(start);
            if (items.Count > 0 || left <= TimeSpan.Zero || stopping.IsCancellationRequested)
                return items;
            try
            {
                await changed.WaitAsync(left, time, end.Token).ConfigureAwait(false);
            }
            catch (Exception exception) when (
                exception is TimeoutException || (exception is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                // One last look: no time is left now, or the server stops.
            }
        }
    }
}
