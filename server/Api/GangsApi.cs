using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Coordinator.Server.Api;

/// <summary>
/// Gangs: submitting, looking at and cancelling runs of foreign programs. Statuses promise what those of jobs do.
/// </summary>
internal sealed class GangsApi(DurableChanges changes, Views views, SiloServerOptions options)
{
    private static readonly JsonSerializerOptions Strict = new(MachinesJson.Default.Options)
    {
        TypeInfoResolver = new System.Text.Json.Serialization.Metadata.DefaultJsonTypeInfoResolver(),
        RespectNullableAnnotations = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/gangs", SubmitAsync);
        routes.MapGet("/gangs", (string? after, int? limit) => views.ListAsync(GrainKind.Gang, after, Page.Limit(limit)));
        routes.MapGet("/gangs/{id}", (string id) => views.ShowAsync(GrainAddress.OfGang(new JobId(id)), ApiError.NoJob(id)));
        routes.MapPost("/gangs/{id}/cancel", CancelAsync);
    }

    private async Task<IResult> SubmitAsync(HttpRequest request, string? id, CancellationToken cancel)
    {
        if (id is not null && !JobIds.IsValid(id))
            return ApiError.BadRequest($"'{id}' cannot be a job's id", $"Use {JobIds.Rule}, or leave the id out.");
        var (body, unreadable) = await RequestBody.ReadAsync(request, cancel).ConfigureAwait(false);
        if (body is null)
            return Unreadable(unreadable!);
        GangSpec spec;
        try
        {
            spec = body.Deserialize<GangSpec>(Strict)!;
        }
        catch (JsonException wrong)
        {
            return Unreadable(BodyProblem.Of(wrong, body, Strict.GetTypeInfo(typeof(GangSpec))));
        }

        var problems = GangSpecValidator.Validate(spec);
        if (problems.Count > 0)
        {
            return ApiError.BadRequest(
                $"{problems[0].Field} is {problems[0].Value} but must be {problems[0].Rule}",
                $"{char.ToUpperInvariant(problems[0].Remedy[0])}{problems[0].Remedy[1..]}.");
        }
        if (spec.Bundle is { } bundle && options.HoldsAllData
            && !File.Exists(Path.Combine(options.DataDirectory, "data", $"{bundle.Sha256}.bin")))
        {
            return ApiError.BadRequest($"the silo has no bundle {bundle.Sha256}", $"Upload it with PUT /api/v1/data/{bundle.Sha256}.");
        }
        var job = id is null ? JobIds.New(spec.Name) : new JobId(id);
        if (await views.JobAsync(job.Value).ConfigureAwait(false) is not null)
        {
            return ApiError.Result(
                StatusCodes.Status409Conflict, $"there is a training job '{job}'", "Submit under another id, or without one.");
        }
        var existed = await views.GangAsync(job.Value).ConfigureAwait(false) is not null;
        var secret = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        var durable = await changes.MakeAsync(
            GrainAddress.OfGang(job), new SubmitGang(spec) { Secret = secret }, cancel).ConfigureAwait(false);
        if (await views.GangAsync(job.Value).ConfigureAwait(false) is { } present && !Same(present.Spec, spec))
        {
            return ApiError.Result(
                StatusCodes.Status409Conflict, $"there is a job '{job}' with another spec", "Submit under another id, or without one.");
        }
        var status = !durable ? StatusCodes.Status202Accepted : existed ? StatusCodes.Status200OK : StatusCodes.Status201Created;
        return TypedResults.Json(new SubmittedBody { Id = job, Existed = existed }, ApiJson.Default.SubmittedBody, statusCode: status);
    }

    private async Task<IResult> CancelAsync(string id, string? reason, CancellationToken cancel)
    {
        if (await views.GangAsync(id).ConfigureAwait(false) is not { } gang)
            return ApiError.NoJob(id);
        var message = DurableChanges.Plain(new CancelGang(reason ?? "cancelled by request"));
        if (gang.Phase is "finished" or "failed" && gang.Reason != CancelJob.ReasonPrefix + message.Reason)
        {
            return ApiError.Result(
                StatusCodes.Status409Conflict,
                $"job '{id}' {(gang.PhaseName == "cancelled" ? "was cancelled" : $"has {gang.Phase}")} already",
                "There is nothing left to cancel.");
        }
        var durable = await changes.MakeAsync(GrainAddress.OfGang(gang.Id), message, cancel).ConfigureAwait(false);
        return TypedResults.Json(
            new SubmittedBody { Id = gang.Id, Existed = true },
            ApiJson.Default.SubmittedBody,
            statusCode: durable ? StatusCodes.Status200OK : StatusCodes.Status202Accepted);
    }

    private static IResult Unreadable(BodyProblem problem) =>
        ApiError.BadRequest($"the spec of a gang cannot be read: {problem}", "Correct it; docs/gangs.md lists its members.");

    private static bool Same(GangSpec a, GangSpec b) =>
        JsonSerializer.Serialize(a, MachinesJson.Default.GangSpec) == JsonSerializer.Serialize(b, MachinesJson.Default.GangSpec);
}
