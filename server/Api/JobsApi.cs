using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Policies;
using Coordinator.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Coordinator.Server.Api;

/// <summary>
/// Submitting, looking at and cancelling jobs. Statuses 200 and 201 promise that what was asked for is durable, also to whoever says the
/// same again; 202 promises nothing yet.
/// </summary>
internal sealed class JobsApi(DurableChanges changes, Views views, SiloServerOptions options)
{
    // A misspelt setting must not be a setting left at its default.
    private static readonly JsonSerializerOptions Strict = new(MachinesJson.Default.Options)
    {
        TypeInfoResolver = MachinesJson.Default,
        RespectNullableAnnotations = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    private readonly SubmissionChecks checks = new(views, options);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/jobs", SubmitAsync);
        routes.MapGet("/jobs", (string? after, int? limit) => views.ListAsync(GrainKind.Job, after, Page.Limit(limit)));
        routes.MapGet("/jobs/{id}", (string id) => views.ShowAsync(GrainAddress.Of(new JobId(id)), ApiError.NoJob(id)));
        routes.MapPost("/jobs/{id}/cancel", CancelAsync);
        routes.MapPost("/jobs/{id}/checkpoint", CheckpointAsync);
        routes.MapPost("/jobs/{id}/extend", ExtendAsync);
    }

    private async Task<IResult> SubmitAsync(HttpRequest request, string? id, CancellationToken cancel)
    {
        if (id is not null && !JobIds.IsValid(id))
            return ApiError.BadRequest($"'{id}' cannot be a job's id", $"Use {JobIds.Rule}, or leave the id out.");
        var (spec, fault) = await ReadSpecAsync(request, cancel).ConfigureAwait(false);
        if (spec is null)
            return fault!;
        if (options.ValidateJob?.Invoke(spec) is { Count: > 0 } problems)
            return ApiError.Result(StatusCodes.Status400BadRequest, problems[0].Error, problems[0].Remedy, problems);

        if (id is null || await views.JobAsync(id).ConfigureAwait(false) is null)
        {
            if (await checks.ProblemsAsync(spec, cancel).ConfigureAwait(false) is { Count: > 0 } found)
                return ApiError.Result(StatusCodes.Status400BadRequest, found[0].Error, found[0].Remedy, found);
        }

        var job = id is null ? JobIds.New(spec.Name) : new JobId(id);
        if (await views.GangAsync(job.Value).ConfigureAwait(false) is not null)
        {
            return ApiError.Result(
                StatusCodes.Status409Conflict, $"there is a job '{job}' of another kind", "Submit under another id, or without one.");
        }

        // A submission whose answer was lost comes again with its id, perhaps while the first one waits for storage. Its own turn comes
        // behind that one's, changes nothing of a job that is there, and only then is it known whether there is one.
        var existed = await views.JobAsync(job.Value).ConfigureAwait(false) is not null;
        var secret = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        var message = DurableChanges.Plain(new SubmitJob(spec with { Secret = secret }));
        var durable = await changes.MakeAsync(GrainAddress.Of(job), message, cancel).ConfigureAwait(false);
        if (await views.JobAsync(job.Value).ConfigureAwait(false) is { } present && !SameJob(present, message.Spec))
        {
            return ApiError.Result(
                StatusCodes.Status409Conflict, $"there is a job '{job}' with another spec", "Submit under another id, or without one.");
        }
        var status = !durable ? StatusCodes.Status202Accepted : existed ? StatusCodes.Status200OK : StatusCodes.Status201Created;
        return TypedResults.Json(new SubmittedBody { Id = job, Existed = existed }, ApiJson.Default.SubmittedBody, statusCode: status);
    }

    /// <summary>
    /// A cancellation that comes again, since its answer was lost, finds the job cancelled for its own reason, which is what is stored of
    /// it: it is answered as the first one.
    /// </summary>
    private async Task<IResult> CancelAsync(string id, string? reason, CancellationToken cancel)
    {
        if (await views.JobAsync(id).ConfigureAwait(false) is not { } job)
            return ApiError.NoJob(id);
        var message = DurableChanges.Plain(new CancelJob(reason ?? "cancelled by request"));
        var durable = await changes.MakeAsync(GrainAddress.Of(job.Id), message, cancel).ConfigureAwait(false);
        if (await views.JobAsync(id).ConfigureAwait(false) is { Phase: "finished" or "failed" } over && over.Reason != message.ReasonOfJob)
        {
            return ApiError.Result(
                StatusCodes.Status409Conflict,
                $"job '{id}' {(over.Cancelled ? "was cancelled" : $"has {over.Phase}")} already",
                "There is nothing left to cancel.");
        }
        return TypedResults.Json(
            new SubmittedBody { Id = job.Id, Existed = true },
            ApiJson.Default.SubmittedBody,
            statusCode: durable ? StatusCodes.Status200OK : StatusCodes.Status202Accepted);
    }

    /// <summary>
    /// The job has heard it when this is answered; the wish itself is kept in memory, so 202 is all that can be said before the checkpoint
    /// is there.
    /// </summary>
    private async Task<IResult> CheckpointAsync(string id, string? reason, CancellationToken cancel)
    {
        if (await views.JobAsync(id).ConfigureAwait(false) is not { } job)
            return ApiError.NoJob(id);
        if (job.Phase is "finished" or "failed")
        {
            return ApiError.Result(
                StatusCodes.Status409Conflict,
                $"job '{id}' has {job.Phase} already",
                "Its last checkpoints are still there: 'coordinator checkpoint ls' lists them.");
        }
        await changes.MakeAsync(GrainAddress.Of(job.Id), new CheckpointWanted(reason ?? "asked by request"), cancel).ConfigureAwait(false);
        return TypedResults.Json(
            new SubmittedBody { Id = job.Id, Existed = true }, ApiJson.Default.SubmittedBody, statusCode: StatusCodes.Status202Accepted);
    }

    /// <summary>
    /// More steps or ranks. Whether they are there is looked for in the job as it is after its turn with them: so the same request again is
    /// answered as the first one, and one that another overtook is told what there is now.
    /// </summary>
    private async Task<IResult> ExtendAsync(string id, long? steps, int? ranks, bool? workersEnded, CancellationToken cancel)
    {
        if (await views.JobAsync(id).ConfigureAwait(false) is not { } job)
            return ApiError.NoJob(id);
        if (steps is null && ranks is null && workersEnded is null)
        {
            return ApiError.BadRequest(
                "neither steps nor ranks are given",
                $"Give ?steps= or ?ranks=, such as /jobs/{id}/extend?steps={job.Spec.Training.Steps + 1000}.");
        }
        var wanted = new ExtendJob(steps, ranks) { WorkersEnded = workersEnded is true };
        if (WhyRefused(job, wanted) is { } problem)
            return Refused(problem);
        var durable = await changes.MakeAsync(GrainAddress.Of(job.Id), wanted, cancel).ConfigureAwait(false);
        if (await views.JobAsync(id).ConfigureAwait(false) is { } after && WhyRefused(after, wanted) is { } overtaken)
            return Refused(overtaken);
        return TypedResults.Json(
            new SubmittedBody { Id = job.Id, Existed = true },
            ApiJson.Default.SubmittedBody,
            statusCode: durable ? StatusCodes.Status200OK : StatusCodes.Status202Accepted);

        static IResult Refused(JobSpecProblem problem) => ApiError.Result(
            StatusCodes.Status409Conflict,
            $"{problem.Field} is {problem.Value} but must be {problem.Rule}",
            $"{char.ToUpperInvariant(problem.Remedy[0])}{problem.Remedy[1..]}. Nothing was changed.");
    }

    private static JobSpecProblem? WhyRefused(JobView job, ExtendJob wanted) =>
        ExtensionPolicy.WhyRefused(
            job.Spec, job.Phase == "finished", job.Phase == "failed" ? job.Reason : null, job.Checkpoints.Count, wanted);

    private static async Task<(JobSpec? Spec, IResult? Fault)> ReadSpecAsync(HttpRequest request, CancellationToken cancel)
    {
        var (body, unreadable) = await RequestBody.ReadAsync(request, cancel).ConfigureAwait(false);
        if (body is null)
            return (null, NoSpec(unreadable!));
        body.Remove("apiVersion");

        // Generated readers set a member that is missing to null or zero, so the defaults have to be written down.
        var whole = JsonSerializer.SerializeToNode(new JobSpec(), MachinesJson.Default.JobSpec)!.AsObject();
        JsonOverlay.Apply(whole, body);
        try
        {
            return (whole.Deserialize<JobSpec>(Strict), null);
        }
        catch (JsonException exception)
        {
            return (null, NoSpec(BodyProblem.Of(exception, whole, Strict.GetTypeInfo(typeof(JobSpec)))));
        }
    }

    private static IResult NoSpec(BodyProblem found)
    {
        var problem = new JobProblem(
            found.ToString(), string.IsNullOrEmpty(found.Place) ? null : found.Place,
            "Correct the job spec; docs/protocol.md lists its members.");
        return ApiError.Result(StatusCodes.Status400BadRequest, $"the job spec cannot be read: {problem.Error}", problem.Remedy, [problem]);
    }

    /// <summary>Whether the job was submitted so: what was raised since is no other job.</summary>
    private static bool SameJob(JobView present, JobSpec submitted)
    {
        var spec = present.Submitted?.ApplyTo(present.Spec) ?? present.Spec;
        return spec with { Secret = "" } == submitted with { Secret = "" };
    }
}
