using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Server.Hosting;
using Microsoft.AspNetCore.Http;

namespace Coordinator.Server.Api;

/// <summary>Grains' views on their way out: with the API's version, and without secrets.</summary>
internal sealed class Views(IGrainHost grains)
{
    /// <summary>
    /// Answers with a grain's view, or with <paramref name="missing"/>; with 202 where what was changed is not known to be stored.
    /// </summary>
    public async Task<IResult> ShowAsync(GrainAddress grain, IResult missing, bool stored = true)
    {
        if (await ReadAsync(grain).ConfigureAwait(false) is not { } view)
            return missing;
        if (grain.Kind is GrainKind.Node or GrainKind.Gpu)
            AddDrain(view, grain, await DrainsAsync().ConfigureAwait(false));
        return Answer(Stamp(view), stored);
    }

    /// <summary>Answers with the views of one page of a kind of grain.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="after">Key behind which the page begins; null: at the first.</param>
    /// <param name="limit">Grains on the page.</param>
    public async Task<IResult> ListAsync(GrainKind kind, string? after, int limit)
    {
        var items = new JsonArray();
        string? last = null;
        var drains = await DrainsAsync().ConfigureAwait(false);
        foreach (var grain in (await grains.KnownAsync(kind).ConfigureAwait(false))
            .SkipWhile(grain => after is not null && string.CompareOrdinal(grain.Key, after) <= 0).Take(limit))
        {
            if (await ReadAsync(grain).ConfigureAwait(false) is { } view)
            {
                AddDrain(view, grain, drains);
                items.Add(view);
            }

            last = grain.Key;
        }

        return Answer(Stamp(new JsonObject { ["items"] = items, ["next"] = last ?? after }));
    }

    /// <summary>A job's view, or null.</summary>
    public async Task<JobView?> JobAsync(string id) =>
        await ReadAsync(GrainAddress.Of(new JobId(id))).ConfigureAwait(false) is { } view
            ? Contracts.Read<JobView>(view)
            : null;

    /// <summary>A gang's view, or null.</summary>
    public async Task<GangView?> GangAsync(string id) =>
        await ReadAsync(GrainAddress.OfGang(new JobId(id))).ConfigureAwait(false) is { } view
            ? Contracts.Read<GangView>(view) : null;

    /// <summary>The cluster's view, or null.</summary>
    public async Task<ClusterView?> ClusterAsync() =>
        await ReadAsync(GrainAddress.Cluster).ConfigureAwait(false) is { } view ? Contracts.Read<ClusterView>(view) : null;

    /// <summary>What is drained, by name. The cluster decides it, so a node and a gpu are asked for nothing of it.</summary>
    private async Task<IReadOnlyDictionary<string, DrainView>> DrainsAsync() =>
        (await ClusterAsync().ConfigureAwait(false))?.Drains.ToDictionary(drain => drain.Target, StringComparer.Ordinal) ?? [];

    private static void AddDrain(JsonObject view, GrainAddress grain, IReadOnlyDictionary<string, DrainView> drains)
    {
        var node = grain.Kind == GrainKind.Gpu ? grain.Key[..grain.Key.LastIndexOf('/')] : grain.Key;
        if ((drains.GetValueOrDefault(node) ?? drains.GetValueOrDefault(grain.Key)) is { } drain)
            view["drain"] = JsonSerializer.SerializeToNode(drain, MachinesJson.Default.DrainView);
    }

    private static bool CanBe(GrainAddress grain) => grain.Kind switch
    {
        GrainKind.Job or GrainKind.Gang => JobIds.IsValid(grain.Key),
        GrainKind.Node => NodeNames.Problem(grain.Key) is null,
        GrainKind.Gpu => grain.Key.LastIndexOf('/') is > 0 and var slash && NodeNames.Problem(grain.Key[..slash]) is null,
        _ => true,
    };

    private static JsonObject Stamp(JsonObject view)
    {
        view.Insert(0, "apiVersion", ApiBody.Version);
        return view;
    }

    private static IResult Answer(JsonObject body, bool stored = true) => TypedResults.Text(
        body.ToJsonString(), "application/json", statusCode: stored ? StatusCodes.Status200OK : StatusCodes.Status202Accepted);

    private async Task<JsonObject?> ReadAsync(GrainAddress grain)
    {
        // Whoever asks for what can have no such name would make a grain of it.
        if (!CanBe(grain))
            return null;
        if (await grains.DescribeAsync(grain).ConfigureAwait(false) is not { } json)
            return null;
        var view = JsonNode.Parse(json)!.AsObject();

        // A machine leaves the secret out; that it once forgets must not give it away.
        if (grain.Kind != GrainKind.Gang && view["spec"] is JsonObject spec)
            spec["secret"] = "";

        // Pieces of logs are for whoever asked for them.
        view.Remove("logs");
        return view;
    }
}
