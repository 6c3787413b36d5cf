using System.Text.Json;
using System.Text.Json.Serialization;
using Coordinator.Machines;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Coordinator.Server.Api;

/// <summary>
/// Operators say of a gpu whether it may be given work. The answer is the gpu as it stands once that is durable; where storing takes too
/// long, as it stands now, with status 202.
/// </summary>
internal sealed class MarksApi(DurableChanges changes, Views views)
{
    private static readonly JsonSerializerOptions Strict = new(ApiJson.Default.Options)
    {
        TypeInfoResolver = ApiJson.Default,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    public void Map(IEndpointRouteBuilder routes) => routes.MapPost("/gpus/{node}/{index}/mark", MarkAsync);

    private async Task<IResult> MarkAsync(string node, string index, HttpRequest request, CancellationToken cancel)
    {
        if (DrainsApi.GpuOf($"{node}/{index}") is not { } gpu)
        {
            return ApiError.BadRequest(
                $"'{PlainText.Line($"{node}/{index}", 100)}' is no gpu.", "Write node/index, such as node-1/0; nothing was changed.");
        }

        var (wanted, fault) = await ReadAsync(request, cancel).ConfigureAwait(false);
        if (wanted is null)
            return fault!;
        var reason = PlainText.Line(wanted.Reason ?? "").Trim();
        if (wanted.Health is not ("good" or "bad"))
            return Bad($"health is '{PlainText.Line(wanted.Health ?? "", 40)}' and must be good or bad.");
        if (reason.Length is 0 or > DrainsApi.MostText || wanted.By?.Length > DrainsApi.MostText)
            return Bad($"a mark has a reason and perhaps a name, each a line of at most {DrainsApi.MostText} characters.");
        var known = await views.ClusterAsync().ConfigureAwait(false);
        var address = GrainAddress.Of(gpu);
        var missing = ApiError.NotFound(
            $"there is no gpu '{gpu}'; nothing was changed",
            "List them with GET /api/v1/gpus. One that is away since the silo was started is known when it has come back.");
        if (known?.Nodes.Any(one => one.Id == gpu.Node && gpu.Index < one.Gpus) != true)
            return missing;
        var by = PlainText.Line(wanted.By ?? "").Trim() is { Length: > 0 } person ? person : DrainsApi.Unknown;
        var stored = await changes.MakeAsync(address, new GpuMarked(wanted.Health == "good", reason, by), cancel).ConfigureAwait(false);
        return await views.ShowAsync(address, missing, stored).ConfigureAwait(false);
    }

    private static IResult Unreadable(BodyProblem problem) => Bad($"what is said is not to be read: {problem}.");

    private static IResult Bad(string error) => ApiError.BadRequest(error, "Correct the body; nothing was changed.");

    private static async Task<(MarkRequest? Wanted, IResult? Fault)> ReadAsync(HttpRequest request, CancellationToken cancel)
    {
        var (body, unreadable) = await RequestBody.ReadAsync(request, cancel).ConfigureAwait(false);
        if (body is null)
            return (null, Unreadable(unreadable!));
        body.Remove("apiVersion");
        try
        {
            return (body.Deserialize<MarkRequest>(Strict)!, null);
        }
        catch (JsonException exception)
        {
            return (null, Unreadable(BodyProblem.Of(exception, body, Strict.GetTypeInfo(typeof(MarkRequest)))));
        }
    }
}
