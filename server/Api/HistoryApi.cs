using Coordinator.Machines;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Coordinator.Server.Api;

/// <summary>Stored events and steps. They outlive the grains, so no grain is asked.</summary>
internal sealed class HistoryApi(IEventStore events, SiloServerOptions options, CancellationToken stopping)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/events", (long? after, int? limit, int? waitMs, bool? newest, HttpContext context) =>
            EventsAsync(null, after, limit, waitMs, newest, context));
        routes.MapGet(
            "/jobs/{id}/events", (string id, long? after, int? limit, int? waitMs, bool? newest, HttpContext context) => JobIds.IsValid(id)
            ? EventsAsync(new JobId(id), after, limit, waitMs, newest, context)
            : Task.FromResult(ApiError.NoJob(id)));
        routes.MapGet("/jobs/{id}/steps", StepsAsync);
    }

    private async Task<IResult> EventsAsync(JobId? job, long? after, int? limit, int? waitMs, bool? newest, HttpContext context)
    {
        var filter = new EventFilter { Job = job, After = after ?? 0, Limit = Page.Limit(limit), Newest = newest ?? false };
        var items = await WaitAsync(() => events.ReadEventsAsync(filter, context.RequestAborted), waitMs, context).ConfigureAwait(false);
        var body = new EventsBody { Items = items, Next = items.Count > 0 ? items[^1].Ordinal : filter.After };
        return TypedResults.Json(body, ApiJson.Default.EventsBody);
    }

    private async Task<IResult> StepsAsync(string id, long? after, int? limit, int? waitMs, HttpContext context)
    {
        if (!JobIds.IsValid(id))
            return ApiError.NoJob(id);
        var items = await WaitAsync(
            () => events.ReadStepsAsync(new JobId(id), after ?? 0, Page.Limit(limit), context.RequestAborted),
            waitMs,
            context).ConfigureAwait(false);
        var body = new StepsBody { Items = items, Next = items.Count > 0 ? items[^1].Ordinal : after ?? 0 };
        return TypedResults.Json(body, ApiJson.Default.StepsBody);
    }

    private Task<IReadOnlyList<T>> WaitAsync<T>(Func<Task<IReadOnlyList<T>>> read, int? waitMs, HttpContext context) =>
        Page.WaitAsync(events, read, Page.Wait(waitMs), options.TimeProvider, stopping, context.RequestAborted);
}
