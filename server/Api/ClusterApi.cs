using System.Globalization;
using Coordinator.Machines;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace Coordinator.Server.Api;

/// <summary>The cluster, its nodes and their gpus.</summary>
internal sealed class ClusterApi(Views views)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/cluster", () => views.ShowAsync(
            GrainAddress.Cluster,
            ApiError.NotFound("the cluster is empty", "Start a worker with 'coordinator worker'.")));
        routes.MapGet("/nodes", (string? after, int? limit) => views.ListAsync(GrainKind.Node, after, Page.Limit(limit)));
        routes.MapGet("/nodes/{id}", (string id) => views.ShowAsync(
            GrainAddress.Of(new NodeId(id)),
            ApiError.NotFound($"there is no node '{id}'", "List the nodes with GET /api/v1/nodes.")));
        routes.MapGet("/gpus", (string? after, int? limit) => views.ListAsync(GrainKind.Gpu, after, Page.Limit(limit)));
        routes.MapGet("/gpus/{node}/{index}", (string node, string index) =>
            int.TryParse(index, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? views.ShowAsync(
                    GrainAddress.Of(new GpuId(new NodeId(node), number)),
                    ApiError.NotFound($"there is no gpu '{node}/{number}'", $"Look at its node with GET /api/v1/nodes/{node}."))
                : Task.FromResult(
                    ApiError.BadRequest($"'{index}' is no index of a gpu", "Use a number from 0 on, such as /api/v1/gpus/node-1/0.")));
    }
}
