using Coordinator.Machines;
using Coordinator.Server.Files;
using Coordinator.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace Coordinator.Server.Api;

/// <summary>Frozen data sets and final models: big files, verified by hash on their way in and never changed afterwards.</summary>
internal sealed class FilesApi(DurableChanges changes, Views views, SiloServerOptions options)
{
    /// <summary>Header with the SHA-256 of a file.</summary>
    public const string HashHeader = "X-Content-SHA256";

    private static readonly string[] Read = ["GET", "HEAD"];

    private readonly FileStore data = new(Path.Combine(options.DataDirectory, "data"), options.MaxDataBytes);
    private readonly FileStore models = new(Path.Combine(options.DataDirectory, "models"), options.MaxModelBytes);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPut("/data/{sha256}", PutDataAsync);
        routes.MapMethods("/data/{sha256}", Read, GetData);
        routes.MapPut("/jobs/{id}/model", PutModelAsync);
        routes.MapMethods("/jobs/{id}/model", Read, GetModelAsync);
    }

    private async Task<IResult> PutDataAsync(string sha256, HttpContext context)
    {
        if (!FileStore.IsHash(sha256))
            return NoHash(sha256);
        return Answer(await PutAsync(data, DataName(sha256), sha256, context).ConfigureAwait(false), sha256);
    }

    private IResult GetData(string sha256, HttpContext context)
    {
        if (!FileStore.IsHash(sha256))
            return NoHash(sha256);
        if (data.Find(DataName(sha256)) is not { } path)
            return ApiError.NotFound($"there is no data set {sha256}", $"Upload it with PUT /api/v1/data/{sha256}.");
        context.Response.Headers[HashHeader] = sha256;
        return TypedResults.PhysicalFile(path, "application/octet-stream", enableRangeProcessing: true);
    }

    private async Task<IResult> PutModelAsync(string id, HttpContext context)
    {
        if (await views.JobAsync(id).ConfigureAwait(false) is not { } job)
            return ApiError.NoJob(id);
        var sha256 = context.Request.Headers[HashHeader].ToString();
        if (!FileStore.IsHash(sha256))
            return ApiError.BadRequest($"the header {HashHeader} has no SHA-256", "Send the file's SHA-256 as 64 lower-case hexadecimal digits.");
        var outcome = await PutAsync(models, ModelName(job.Id), sha256, context).ConfigureAwait(false);

        // A worker that repeats an upload may do so because the grain never heard of the first one. It is told that all is well only when
        // the grain's turn is durable: until then it comes again, and finds the file there.
        if (outcome is { Kind: FileOutcomeKind.Stored or FileOutcomeKind.Existed }
            && !await changes.MakeAsync(GrainAddress.Of(job.Id), new ModelStored(sha256, outcome.Bytes), context.RequestAborted).ConfigureAwait(false))
        {
            return ApiError.Result(
                StatusCodes.Status503ServiceUnavailable,
                $"the model is stored, but job '{id}' cannot say so durably at the moment",
                "Send it again in a moment; look at the database where this lasts.");
        }

        return Answer(outcome, sha256);
    }

    private async Task<IResult> GetModelAsync(string id, HttpContext context)
    {
        if (await views.JobAsync(id).ConfigureAwait(false) is not { } job)
            return ApiError.NoJob(id);
        if (models.Find(ModelName(job.Id)) is not { } path)
            return ApiError.NotFound($"job '{id}' has no model: it is {job.Phase}", "Wait until the job has finished.");
        if (job.ModelSha256 is not null)
            context.Response.Headers[HashHeader] = job.ModelSha256;
        return TypedResults.PhysicalFile(path, "application/octet-stream", $"{id}.safetensors", enableRangeProcessing: true);
    }

    private static Task<FileOutcome> PutAsync(FileStore store, string name, string sha256, HttpContext context)
    {
        // The store has a limit of its own, which says what it is.
        context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = null;
        return store.PutAsync(name, sha256, context.Request.Body, context.Request.ContentLength, context.RequestAborted);
    }

    private static IResult Answer(FileOutcome outcome, string sha256) => outcome.Kind switch
    {
        FileOutcomeKind.Stored or FileOutcomeKind.Existed => TypedResults.Json(
            new StoredFileBody { Sha256 = sha256, Bytes = outcome.Bytes, Existed = outcome.Kind == FileOutcomeKind.Existed },
            ApiJson.Default.StoredFileBody,
            statusCode: outcome.Kind == FileOutcomeKind.Existed ? StatusCodes.Status200OK : StatusCodes.Status201Created),
        FileOutcomeKind.WrongHash => ApiError.Result(
            StatusCodes.Status422UnprocessableEntity,
            $"the {outcome.Bytes} bytes received have SHA-256 {outcome.Sha256} and not {sha256}",
            "Nothing was stored. Send the file again; if this repeats, compute its hash again."),
        FileOutcomeKind.TooLarge => ApiError.Result(
            StatusCodes.Status413PayloadTooLarge,
            $"the file is larger than the {outcome.Bytes} bytes that this silo takes",
            "Nothing was stored. Send less, or start the silo with a higher limit."),
        _ => ApiError.Result(
            StatusCodes.Status409Conflict,
            $"another file is stored here, with SHA-256 {outcome.Sha256}",
            "Stored files never change. If the job is the same, its ranks have diverged: look at its events."),
    };

    private static IResult NoHash(string text) => ApiError.BadRequest($"'{text}' is no SHA-256", "Use 64 lower-case hexadecimal digits.");

    internal static string DataName(string sha256) => sha256 + ".bin";

    private static string ModelName(JobId job) => job.Value + ".safetensors";
}
