using Coordinator.Machines;
using Coordinator.Server.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Coordinator.Server.Api;

/// <summary>Where the rank-seconds of jobs went. Computed from what is stored when it is asked for, so it costs a job nothing.</summary>
internal sealed class LedgerApi(IEventStore events, TimeProvider time)
{
    public void Map(IEndpointRouteBuilder routes) => routes.MapGet("/jobs/{id}/ledger", LedgerAsync);

    private async Task<IResult> LedgerAsync(string id, HttpContext context)
    {
        if (!JobIds.IsValid(id))
            return ApiError.NoJob(id);
        var (job, now) = (new JobId(id), time.GetUtcNow());
        return await LedgerReading.ReadAsync(events, job, now, context.RequestAborted).ConfigureAwait(false) is { } ledger
            ? TypedResults.Json(ledger, MachinesJson.Default.JobLedger) : ApiError.NoJob(id);
    }
}
