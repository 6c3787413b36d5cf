using System.Text.Json;
using System.Text.Json.Serialization;
using Coordinator.Machines;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Coordinator.Server.Api;

/// <summary>
/// Maintenance: what is drained, and is given work again. The answer to a change is how things stand once the cluster's turn with it is
/// durable; where storing takes too long, how things stand now, with status 202. What is named must be known: a node that was mistyped is
/// no node that is away.
/// </summary>
internal sealed class DrainsApi(DurableChanges changes, Views views, TimeProvider time)
{
    /// <summary>Longest text of a reason or a name, in characters: an operator's list shows it in a line.</summary>
    public const int MostText = 500;

    /// <summary>Whoever does not say who it is.</summary>
    public const string Unknown = "an operator";

    private static readonly JsonSerializerOptions Strict = new(ApiJson.Default.Options)
    {
        TypeInfoResolver = ApiJson.Default,
        RespectNullableAnnotations = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/drains", () => ShowAsync(stored: true));
        routes.MapPost("/drain", DrainAsync);
        routes.MapPost("/uncordon", UncordonAsync);
    }

    private async Task<IResult> DrainAsync(HttpRequest request, CancellationToken cancel)
    {
        var (wanted, targets, fault) = await ReadAsync(request, cancel).ConfigureAwait(false);
        if (wanted is null)
            return fault!;
        if (PlainText.Line(wanted.Reason ?? "").Trim() is not { Length: > 0 } reason)
            return ApiError.BadRequest("a drain has a reason, and none is given.", "Say why with \"reason\"; nothing was changed.");
        if ((TooLong("reason", reason) ?? TooLong("by", wanted.By ?? "")) is { } tooLong)
            return tooLong;
        if (wanted.DeadlineMs is { } ms && (ms < 0 || ms > DrainRequest.LongestDeadline.TotalMilliseconds))
        {
            return ApiError.BadRequest(
                $"deadlineMs is {ms}; allowed are 0 to {DrainRequest.LongestDeadline.TotalMilliseconds:0}.",
                "Leave it out where there is no last moment; nothing was changed.");
        }
        var at = time.GetUtcNow();
        var until = wanted.DeadlineMs is { } left ? at + TimeSpan.FromMilliseconds(left) : (DateTimeOffset?)null;
        return await ShowAsync(await changes.MakeAsync(
            GrainAddress.Cluster, new DrainOrdered(targets.Nodes, targets.Gpus, reason, Person(wanted), at, until), cancel)
            .ConfigureAwait(false)).ConfigureAwait(false);
    }

    private async Task<IResult> UncordonAsync(HttpRequest request, CancellationToken cancel)
    {
        var (wanted, targets, fault) = await ReadAsync(request, cancel).ConfigureAwait(false);
        if (wanted is null)
            return fault!;
        if (wanted.Reason is not null || wanted.DeadlineMs is not null)
        {
            return ApiError.BadRequest(
                "whoever gives work again needs no reason and no deadline.", "Leave reason and deadlineMs out; nothing was changed.");
        }
        if (TooLong("by", wanted.By ?? "") is { } tooLong)
            return tooLong;
        return await ShowAsync(await changes.MakeAsync(
            GrainAddress.Cluster, new UncordonOrdered(targets.Nodes, targets.Gpus, Person(wanted)), cancel).ConfigureAwait(false))
            .ConfigureAwait(false);
    }

    private static string Person(DrainRequest wanted) =>
        PlainText.Line(wanted.By ?? "").Trim() is { Length: > 0 } by ? by : Unknown;

    private static IResult? TooLong(string member, string text) => text.Length <= MostText ? null : ApiError.BadRequest(
        $"{member} has {text.Length} characters; allowed are {MostText}.", "Say it in a line; nothing was changed.");

    private async Task<(DrainRequest? Wanted, (NodeId[] Nodes, GpuId[] Gpus) Targets, IResult? Fault)> ReadAsync(
        HttpRequest request, CancellationToken cancel)
    {
        var (body, unreadable) = await RequestBody.ReadAsync(request, cancel).ConfigureAwait(false);
        if (body is null)
            return Refused(Unreadable(unreadable!));
        body.Remove("apiVersion");
        DrainRequest wanted;
        try
        {
            wanted = body.Deserialize<DrainRequest>(Strict)!;
        }
        catch (JsonException exception)
        {
            return Refused(Unreadable(BodyProblem.Of(exception, body, Strict.GetTypeInfo(typeof(DrainRequest)))));
        }

        string[] names = [.. (wanted.Nodes ?? []).Select(name => name ?? "")];
        string[] indexed = [.. (wanted.Gpus ?? []).Select(name => name ?? "")];
        string[] labels = [.. (wanted.Labels ?? []).Select(label => label ?? "")];
        if (names.Length + indexed.Length + labels.Length == 0)
            return Refused(ApiError.BadRequest("neither nodes nor gpus are named.", "Name some; nothing was changed."));
        if (labels.FirstOrDefault(label => NodeLabels.Problem(label) is not null) is { } none)
        {
            return Refused(ApiError.BadRequest(
                $"'{PlainText.Line(none, 100)}' is no label: {NodeLabels.Problem(none)}.", "Correct it; nothing was changed."));
        }
        var nodes = new List<NodeId>();
        var gpus = new List<GpuId>();
        var known = await views.ClusterAsync().ConfigureAwait(false) ?? new ClusterView([], []);
        var counts = known.Nodes.ToDictionary(node => node.Id, node => node.Gpus);
        var drained = known.Drains.Select(drain => drain.Target).ToHashSet(StringComparer.Ordinal);
        foreach (var name in names)
        {
            var node = new NodeId(name);
            if (!counts.ContainsKey(node) && !drained.Contains(name))
                return Refused(NoSuch("node", name));
            nodes.Add(node);
        }

        if (labels.Length > 0)
        {
            var labelled = known.Nodes.Where(node => NodeLabels.HasAll(node.Labels, labels)).Select(node => node.Id).ToArray();
            if (labelled.Length == 0)
            {
                return Refused(ApiError.NotFound(
                    $"no node has the label {string.Join(" and ", labels)}; nothing was changed",
                    "Labels are those of 'coordinator worker --label'; list them with GET /api/v1/nodes."));
            }
            nodes.AddRange(labelled.Except(nodes));
        }

        foreach (var name in indexed)
        {
            if (GpuOf(name) is not { } gpu)
            {
                return Refused(ApiError.BadRequest(
                    $"'{PlainText.Line(name, 100)}' is no gpu.", "Write node/index, such as node-1/0; nothing was changed."));
            }
            if (!(counts.TryGetValue(gpu.Node, out var count) && gpu.Index < count) && !drained.Contains(gpu.ToString()))
                return Refused(NoSuch("gpu", name));
            gpus.Add(gpu);
        }

        return (wanted, ([.. nodes], [.. gpus]), null);
    }

    private static (DrainRequest?, (NodeId[], GpuId[]), IResult?) Refused(IResult fault) => (null, ([], []), fault);

    /// <summary>The gpu of that name; null: it is no name of one.</summary>
    public static GpuId? GpuOf(string name)
    {
        try
        {
            var gpu = GpuId.Parse(name);
            return gpu.ToString() == name && NodeNames.Problem(gpu.Node.Value) is null ? gpu : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static IResult NoSuch(string kind, string name) => ApiError.NotFound(
        $"there is no {kind} '{PlainText.Line(name, 100)}'; nothing was changed",
        $"List them with GET /api/v1/{kind}s. One that is away since the silo was started is known when it has come back.");

    private static IResult Unreadable(BodyProblem problem) => ApiError.BadRequest(
        $"what is named is not to be read: {problem}.", "Correct the body; docs/maintenance.md lists its members. Nothing was changed.");

    private async Task<IResult> ShowAsync(bool stored) => TypedResults.Json(
        new DrainsBody { Items = (await views.ClusterAsync().ConfigureAwait(false))?.Drains ?? [] },
        ApiJson.Default.DrainsBody,
        statusCode: stored ? StatusCodes.Status200OK : StatusCodes.Status202Accepted);
}
