using System.Collections.Concurrent;
using Coordinator.Machines;
using Coordinator.Server.Files;
using Coordinator.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Coordinator.Server.Api;

/// <summary>Frozen data sets and final models: big files, verified by hash on their way in and out, and never changed afterwards.</summary>
internal sealed partial class FilesApi(DurableChanges changes, Views views, SiloServerOptions options)
{
    /// <summary>Header with the SHA-256 of a file.</summary>
    public const string HashHeader = "X-Content-SHA256";

    private static readonly string[] Read = ["GET", "HEAD"];

    private readonly ILogger logger = options.Loggers.CreateLogger<FilesApi>();
    private readonly ConcurrentDictionary<string, byte> noted = new();
    private readonly FileStore data = new(Path.Combine(options.DataDirectory, "data"), options.MaxDataBytes);
    private readonly FileStore models = new(Path.Combine(options.DataDirectory, "models"), options.MaxModelBytes);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPut("/data/{sha256}", PutDataAsync);
        routes.MapMethods("/data/{sha256}", Read, GetDataAsync);
        routes.MapPut("/jobs/{id}/model", PutModelAsync);
        routes.MapMethods("/jobs/{id}/model", Read, GetModelAsync);
    }

    private async Task<IResult> PutDataAsync(string sha256, HttpContext context)
    {
        if (!FileStore.IsHash(sha256))
            return NoHash(sha256);
        var outcome = await PutAsync(data, DataName(sha256), sha256, sha256, context).ConfigureAwait(false);
        await NoteAsync(outcome, $"data set {sha256}", job: null).ConfigureAwait(false);
        return Answer(outcome, sha256);
    }

    private async Task<IResult> GetDataAsync(string sha256, HttpContext context)
    {
        if (!FileStore.IsHash(sha256))
            return NoHash(sha256);
        var found = await data.OpenAsync(DataName(sha256), sha256, context.RequestAborted).ConfigureAwait(false);
        if (found.Content is not { } content)
        {
            await NoteAsync(found, $"data set {sha256}", job: null).ConfigureAwait(false);
            if (found.IsAway)
                return Away($"data set {sha256}", found.Damage!);

            // Damaged is as good as not there: what is missing is the data set, and bringing it is the remedy for both.
            return ApiError.NotFound(
                found.Damage is { } damage
                    ? $"the silo's copy of data set {sha256} is damaged: {damage}"
                    : $"there is no data set {sha256}",
                $"Upload it with PUT /api/v1/data/{sha256}{(found.Damage is null ? "" : ", which replaces the damaged copy")}.");
        }

        context.Response.Headers[HashHeader] = sha256;
        return TypedResults.Stream(content, "application/octet-stream", enableRangeProcessing: true);
    }

    private async Task<IResult> PutModelAsync(string id, long? step, HttpContext context)
    {
        if (await views.JobAsync(id).ConfigureAwait(false) is not { } job)
            return ApiError.NoJob(id);
        var sha256 = context.Request.Headers[HashHeader].ToString();
        if (!FileStore.IsHash(sha256))
        {
            return ApiError.BadRequest(
                $"the header {HashHeader} has no SHA-256", "Send the file's SHA-256 as 64 lower-case hexadecimal digits.");
        }
        var isLast = step is null || step == job.Spec.Training.Steps;
        var outcome = await PutAsync(models, ModelName(job, step), sha256, isLast ? job.ModelSha256 : null, context).ConfigureAwait(false);
        await NoteAsync(outcome, $"the model of {job.Id}", job.Id).ConfigureAwait(false);

        // A worker that repeats an upload may do so because the grain never heard of the first one. It is told that all is well only when
        // the grain's turn is durable: until then it comes again, and finds the file there.
        if (outcome is { Kind: FileOutcomeKind.Stored or FileOutcomeKind.Existed or FileOutcomeKind.Repaired }
            && !await changes.MakeAsync(
                GrainAddress.Of(job.Id),
                new ModelStored(sha256, outcome.Bytes) { Step = step },
                context.RequestAborted).ConfigureAwait(false))
        {
            return ApiError.Result(
                StatusCodes.Status503ServiceUnavailable,
                $"the model is stored, but job '{id}' cannot say so durably at the moment",
                "Send it again in a moment; look at the database where this lasts.");
        }

        return Answer(outcome, sha256);
    }

    private async Task<IResult> GetModelAsync(string id, long? step, HttpContext context)
    {
        if (await views.JobAsync(id).ConfigureAwait(false) is not { } job)
            return ApiError.NoJob(id);

        // Of an earlier last step only this folder knows what it was.
        var name = ModelName(job, step);
        if (((step is null || step == job.Spec.Training.Steps ? job.ModelSha256 : null) ?? models.HashOf(name)) is not { } sha256)
            return ApiError.NotFound($"job '{id}' has no model: it is {job.Phase}", "Wait until the job has finished.");
        var found = await models.OpenAsync(name, sha256, context.RequestAborted).ConfigureAwait(false);
        if (found.Content is { } content)
        {
            context.Response.Headers[HashHeader] = sha256;
            return TypedResults.Stream(content, "application/octet-stream", $"{id}.safetensors", enableRangeProcessing: true);
        }

        await NoteAsync(found, $"the model of {job.Id}", job.Id).ConfigureAwait(false);
        if (found.IsAway)
            return Away($"the model of job '{id}'", found.Damage!);
        return found.Damage is not { } damage
            ? ApiError.NotFound(
                $"the model of job '{id}' is not stored here any more",
                $"Bring a copy with SHA-256 {sha256} with PUT /api/v1/jobs/{id}/model, or train again: the same job gives the same bytes.")
            : ApiError.Result(
                StatusCodes.Status410Gone,
                $"the stored model of job '{id}' is damaged: {damage}",
                $"Nothing of it is served. Bring a copy with SHA-256 {sha256} with PUT /api/v1/jobs/{id}/model, which replaces it, or "
                    + "train again: the same job gives the same bytes.");
    }

    private static Task<FileOutcome> PutAsync(FileStore store, string name, string sha256, string? recorded, HttpContext context)
    {
        // The store has a limit of its own, which says what it is.
        context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = null;
        return store.PutAsync(name, sha256, recorded, context.Request.Body, context.Request.ContentLength, context.RequestAborted);
    }

    /// <summary>Damage is an event, once for every state of the file: those who ask for it may be many.</summary>
    private async Task NoteAsync(FoundFile found, string what, JobId? job)
    {
        if (found.IsAway || found.Damage is not { } damage || !noted.TryAdd(damage, 0))
            return;
        await ObserveAsync(EventKinds.StorageDamaged, "damaged", $"the silo's copy of {what} is damaged and not served: {damage}", job)
            .ConfigureAwait(false);
    }

    private async Task NoteAsync(FileOutcome outcome, string what, JobId? job)
    {
        if (outcome.Kind != FileOutcomeKind.Repaired)
            return;
        noted.Clear();
        await ObserveAsync(EventKinds.StorageRepaired, "repaired", $"{what} came again, and has taken the damaged copy's place", job)
            .ConfigureAwait(false);
    }

    private async Task ObserveAsync(string kind, string cause, string text, JobId? job)
    {
        LogStorage(logger, text);
        if (options.Observe is not { } observe)
            return;
        try
        {
            await observe(new CoordinatorEvent { Kind = kind, Job = job, Cause = cause, Text = text }).ConfigureAwait(false);
        }
        catch (System.Data.Common.DbException)
        {
            // It is in the log, and no answer waits for a database that is away.
        }
    }

    private static IResult Answer(FileOutcome outcome, string sha256) => outcome.Kind switch
    {
        FileOutcomeKind.Stored or FileOutcomeKind.Existed or FileOutcomeKind.Repaired => TypedResults.Json(
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
            $"another model of this job was stored, with SHA-256 {outcome.Sha256}",
            "Stored files never change. A job has one model: its ranks have diverged. Look at its events."),
    };

    private static IResult Away(string what, string why) =>
        ApiError.Result(
            StatusCodes.Status503ServiceUnavailable,
            $"{what} cannot be read at the moment: {why}",
            "See that the silo's disk answers and that its user may read it, and ask again.");

    private static IResult NoHash(string text) => ApiError.BadRequest($"'{text}' is no SHA-256", "Use 64 lower-case hexadecimal digits.");

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Text}")]
    private static partial void LogStorage(ILogger logger, string text);

    internal static string DataName(string sha256) => sha256 + ".bin";

    /// <summary>The name of the model of a step; null: of the job's last.</summary>
    private static string ModelName(JobView job, long? step) =>
        ModelFiles.NameOf(job.Id, step ?? job.Spec.Training.Steps, job.Submitted?.Steps ?? job.Spec.Training.Steps);
}
