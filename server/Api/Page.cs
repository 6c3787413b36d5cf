using System.Globalization;
using Coordinator.Machines;
using Coordinator.Server.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Coordinator.Server.Api;

/// <summary>Pages and long polls.</summary>
internal static class Page
{
    private const int Default = 1000;
    private const int Largest = 10_000;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    /// <summary>Answers 400 where fewer items than one are asked for, or a wait shorter than none.</summary>
    public static ValueTask<object?> RefuseNegative(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var query = context.HttpContext.Request.Query;
        return IsBelow(query["limit"], 1) ? Refused("limit", query["limit"], $"1 to {Largest}")
            : IsBelow(query["waitMs"], 0) ? Refused("waitMs", query["waitMs"], $"0 to {LongestWait.TotalMilliseconds:0}")
            : next(context);

        static ValueTask<object?> Refused(string name, StringValues said, string range) => ValueTask.FromResult<object?>(
            ApiError.BadRequest(
                $"{name} is '{PlainText.Line(said.ToString(), 40)}' but must be {range}", $"Leave it out, or ask for {range}."));

        static bool IsBelow(StringValues said, int least) =>
            int.TryParse(said.ToString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value < least;
    }

    /// <summary>Items on a page: what was asked for, at most 10,000, 1,000 by default.</summary>
    public static int Limit(int? asked) => Math.Min(asked ?? Default, Largest);

    /// <summary>Time to wait for items: what was asked for, up to a minute.</summary>
    public static TimeSpan Wait(int? milliseconds)
    {
        var wait = TimeSpan.FromMilliseconds(milliseconds ?? 0);
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
