using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Coordinator.Server.Api;

/// <summary>
/// Power and cooling of the site. What changes them is left for the cluster's grain, and the answer is how things stand once its turn with
/// the change is durable: a silo that dies then takes nothing back. Where storing takes too long, the answer is how things stand now, with
/// status 202.
/// </summary>
internal sealed class LimitsApi(IGrainHost grains, DurableChanges changes)
{
    /// <summary>What is said of the cap in a query where there is to be none.</summary>
    public const string None = "none";

    private static readonly JsonSerializerOptions Strict = new(MachinesJson.Default.Options)
    {
        TypeInfoResolver = MachinesJson.Default,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/power", () => PowerAsync());
        routes.MapPut("/power", SetAsync);
        routes.MapDelete("/power", (CancellationToken cancel) => ChangePowerAsync(new PowerSet(null), cancel));
        routes.MapPost("/power/cap", CapAsync);
        routes.MapPost("/power/approve", (bool? approved, string? reason, CancellationToken cancel) =>
            ChangePowerAsync(new PowerApproved(approved ?? true, reason ?? ""), cancel));
        routes.MapGet("/cooling", () => CoolingAsync());
        routes.MapPut("/cooling/{zone}", SetZoneAsync);
        routes.MapDelete("/cooling/{zone}", ClearZoneAsync);
    }

    private async Task<IResult> PowerAsync(bool stored = true) => Answer(stored, JsonSerializer.SerializeToNode(
        (await ClusterAsync().ConfigureAwait(false)).Power ?? new PowerView(), MachinesJson.Default.PowerView)!.AsObject());

    private async Task<IResult> CoolingAsync(bool stored = true) => Answer(stored, new JsonObject
    {
        ["items"] = new JsonArray([.. (await ClusterAsync().ConfigureAwait(false)).Cooling.Select(
            zone => JsonSerializer.SerializeToNode(zone, MachinesJson.Default.CoolingZoneView))]),
    });

    /// <summary>What the body leaves out stays as it is; a limit that is null is taken away.</summary>
    private async Task<IResult> SetAsync(HttpRequest request, CancellationToken cancel)
    {
        var present = (await ClusterAsync().ConfigureAwait(false)).Power?.Settings ?? new PowerSettings();
        var (settings, fault) = await ReadAsync<PowerSettings>(
            request,
            JsonSerializer.SerializeToNode(present, MachinesJson.Default.PowerSettings)!.AsObject(),
            "power settings are",
            cancel).ConfigureAwait(false);
        if (settings is null)
            return fault!;
        return settings.Problem() is { } problem
            ? ApiError.BadRequest(problem, "Correct the value; nothing was changed.")
            : await ChangePowerAsync(new PowerSet(settings), cancel).ConfigureAwait(false);
    }

    private async Task<IResult> CapAsync(string? watts, CancellationToken cancel)
    {
        if (watts == None)
            return await ChangePowerAsync(new SiteCapSet(null), cancel).ConfigureAwait(false);
        return long.TryParse(watts, NumberStyles.None, CultureInfo.InvariantCulture, out var cap) && cap <= PowerSettings.MostWatts
            ? await ChangePowerAsync(new SiteCapSet(cap), cancel).ConfigureAwait(false)
            : ApiError.BadRequest(
                $"the cap is '{watts}'; allowed are 0 to {PowerSettings.MostWatts} W, or '{None}'.",
                "Give ?watts=, such as /power/cap?watts=80000000.");
    }

    private async Task<IResult> SetZoneAsync(string zone, HttpRequest request, CancellationToken cancel)
    {
        var (read, fault) = await ReadAsync<CoolingZone>(
            request, new JsonObject { ["nodes"] = new JsonArray() }, "a cooling zone is", cancel, name: zone).ConfigureAwait(false);
        if (read is null)
            return fault!;
        if (read.Problem() is { } problem)
            return ApiError.BadRequest(problem, "Correct the zone; nothing was changed.");
        return await CoolingAsync(
            await changes.MakeAsync(GrainAddress.Cluster, new CoolingZoneSet(read), cancel).ConfigureAwait(false)).ConfigureAwait(false);
    }

    private async Task<IResult> ClearZoneAsync(string zone, CancellationToken cancel)
    {
        // A zone that is not there any more may be one whose end is still being stored: that is said only behind the turn that ended it.
        var isKnown = (await ClusterAsync().ConfigureAwait(false)).Cooling.Any(known => known.Zone.Name == zone);
        var stored = await changes.MakeAsync(GrainAddress.Cluster, new CoolingZoneCleared(zone), cancel).ConfigureAwait(false);
        return isKnown || !stored
            ? await CoolingAsync(stored).ConfigureAwait(false)
            : ApiError.NotFound($"there is no cooling zone '{zone}'", "List them with GET /api/v1/cooling.");
    }

    private async Task<IResult> ChangePowerAsync(GrainMessage change, CancellationToken cancel) =>
        await PowerAsync(await changes.MakeAsync(GrainAddress.Cluster, change, cancel).ConfigureAwait(false)).ConfigureAwait(false);

    /// <summary>The cluster; an empty one where no node came and nothing was set yet.</summary>
    private async Task<ClusterView> ClusterAsync() => await grains.DescribeAsync(GrainAddress.Cluster).ConfigureAwait(false) is { } view
        ? Contracts.Read<ClusterView>(view)
        : new ClusterView([], []);

    private static async Task<(T? Read, IResult? Fault)> ReadAsync<T>(
        HttpRequest request, JsonObject present, string what, CancellationToken cancel, string? name = null)
        where T : class
    {
        var (body, unreadable) = await RequestBody.ReadAsync(request, cancel).ConfigureAwait(false);
        if (body is null)
            return (null, Unreadable(unreadable!));
        body.Remove("apiVersion");
        foreach (var (member, value) in body)
            present[member] = value?.DeepClone();
        if (name is not null)
            present["name"] = name;
        try
        {
            return (present.Deserialize<T>(Strict), null);
        }
        catch (JsonException exception)
        {
            return (null, Unreadable(BodyProblem.Of(exception, present, Strict.GetTypeInfo(typeof(T)))));
        }

        IResult Unreadable(BodyProblem problem) =>
            ApiError.BadRequest(
                $"{what} not to be read: {problem}", "Correct the body; docs/power.md lists its members. Nothing was changed.");
    }

    private static IResult Answer(bool stored, JsonObject body)
    {
        body.Insert(0, "apiVersion", ApiBody.Version);
        return TypedResults.Text(
            body.ToJsonString(), "application/json", statusCode: stored ? StatusCodes.Status200OK : StatusCodes.Status202Accepted);
    }
}
