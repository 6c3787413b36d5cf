using System.Security.Cryptography;
using Coordinator.Machines;
using Coordinator.Machines.Jobs.Programs;
using Coordinator.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Coordinator.Server.Api;

/// <summary>
/// What ranks said, of gangs and of training jobs with programs of their own, a piece at a time. The question goes to the node by way of
/// its grain, and the answer waits in the grain's view: so any silo can ask, whichever one the worker is connected to.
/// </summary>
internal sealed class LogsApi(IGrainHost grains, Views views, SiloServerOptions options)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/gangs/{id}/logs", OfGangAsync);
        routes.MapGet("/jobs/{id}/logs", OfJobAsync);
    }

    private async Task<IResult> OfGangAsync(string id, int? rank, long? generation, long? from, string? node, CancellationToken cancel)
    {
        if (await views.GangAsync(id).ConfigureAwait(false) is not { } gang)
            return ApiError.NoJob(id);
        if ((NodeProblem(node) ?? NumberProblem(("rank", rank), ("generation", generation))) is { } wrong)
            return wrong;
        var number = rank ?? 0;
        var place = number / gang.Spec.GpusPerNode;
        var at = node is { Length: > 0 } named ? new NodeId(named)
            : gang.Nodes.FirstOrDefault(one => place == one.Index)?.Node ?? (gang.LastNodes.Count > place ? gang.LastNodes[place] : null);
        if (at is null)
        {
            return ApiError.NotFound($"job '{id}' has no rank {number} now", gang.Nodes.Count == 0
                ? "Nothing of it runs; its last nodes keep its logs, which --node names."
                : $"Its ranks are 0 to {gang.Spec.RanksOn(gang.Nodes.Count) - 1}.");
        }

        var newest = gang.Nodes.Count > 0 || gang.LastNodes.Count > 0 ? gang.Generation : 0;
        return await AskAsync(at.Value, Question(gang.Id, number, generation ?? newest, from), cancel).ConfigureAwait(false);
    }

    /// <summary>
    /// A rank is asked for where it is now; whoever has read there before names node and gpu, and reads on there although the rank has
    /// moved.
    /// </summary>
    private async Task<IResult> OfJobAsync(
        string id, int? rank, long? generation, long? from, string? node, int? gpu, CancellationToken cancel)
    {
        if (await views.JobAsync(id).ConfigureAwait(false) is not { } job)
            return ApiError.NoJob(id);
        if (ProgramKinds.Of(job.Spec) is not { IsProcess: true })
        {
            return ApiError.BadRequest(
                $"job '{id}' trains {job.Spec.Program?.Entry ?? job.Spec.Model.Program}, which its workers compute themselves: there is no "
                    + "process whose words were kept",
                $"See its events with GET /api/v1/jobs/{id}/events.");
        }

        if ((NodeProblem(node) ?? NumberProblem(("rank", rank), ("generation", generation), ("gpu", gpu))) is { } wrong)
            return wrong;
        var number = rank ?? 0;
        var member = job.Members.FirstOrDefault(one => one.Rank == number);
        var at = node is { Length: > 0 } named ? new NodeId(named) : member?.Gpu.Node;
        var index = gpu ?? (at == member?.Gpu.Node ? member?.Gpu.Index : 0);
        return at is { } place && index is { } device
            ? await AskAsync(place, Question(job.Id, number, generation ?? 0, from) with { Gpu = device }, cancel).ConfigureAwait(false)
            : ApiError.NotFound(
                $"job '{id}' has no rank {number} now",
                job.Members.Count == 0
                    ? "Nothing of it runs; --node names one that has run it, which keeps its logs."
                    : $"Its ranks are 0 to {job.Members.Count - 1}.");
    }

    private static LogQuestion Question(JobId job, int rank, long generation, long? from) => new(
        Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), job, rank, generation, from ?? 0, LogRead.MostBytes);

    private static IResult? NodeProblem(string? node) => node is { Length: > 0 } && NodeNames.Problem(node) is { } problem
        ? ApiError.BadRequest($"'{node}' is no node: {problem}", "List the nodes with GET /api/v1/nodes.") : null;

    private static IResult? NumberProblem(params (string Name, long? Value)[] numbers)
    {
        foreach (var (name, value) in numbers)
        {
            if (value < 0)
                return ApiError.BadRequest($"{name} is {value} but must be 0 or more", "Correct the request; see docs/protocol.md.");
        }

        return null;
    }

    private async Task<IResult> AskAsync(NodeId node, LogQuestion question, CancellationToken cancel)
    {
        var address = GrainAddress.Of(node);
        var began = options.TimeProvider.GetTimestamp();
        do
        {
            grains.Post(address, new LogWanted(question));
            for (var look = 0; look < 8; look++)
            {
                await Task.Delay(Pause, options.TimeProvider, cancel).ConfigureAwait(false);
                if (await grains.DescribeAsync(address).ConfigureAwait(false) is not { } view)
                    return ApiError.NotFound($"there is no node '{node}'", "Its worker may be away; its logs lie on its disk.");
                if (Contracts.Read<NodeView>(view).Logs?.FirstOrDefault(piece => piece.Id == question.Id) is not { } piece)
                    continue;
                return TypedResults.Json(
                    new LogBody
                    {
                        Job = question.Job,
                        Rank = question.Rank,
                        Node = node,
                        Gpu = question.Gpu,
                        Found = piece.Found,
                        Generation = piece.Generation,
                        Newest = piece.Newest,
                        From = piece.From,
                        End = piece.End,
                        Bytes = piece.Bytes,
                    },
                    ApiJson.Default.LogBody);
            }
        }
        while (options.TimeProvider.GetElapsedTime(began) < Patience);
        return ApiError.Result(
            StatusCodes.Status503ServiceUnavailable, $"node '{node}' does not answer", "Its worker may be away or busy: ask again.");
    }
}
