using System.Reflection;
using Coordinator.Machines;
using Coordinator.Server.Gateway;
using Coordinator.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Coordinator.Server.Api;

/// <summary>What a silo is, and whether it is well.</summary>
internal sealed class InfoApi(WorkerLinks links, SiloServerOptions options)
{
    /// <summary>Path of the health check, the only one that asks for no token.</summary>
    public const string HealthPath = "/healthz";

    private static readonly string Version =
        typeof(InfoApi).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    private readonly DateTimeOffset startedAt = options.TimeProvider.GetUtcNow();

    public void Map(IEndpointRouteBuilder routes) => routes.MapGet("/info", Info);

    public void MapHealth(IEndpointRouteBuilder routes) => routes.MapGet(HealthPath, Health);

    private IResult Info() => TypedResults.Json(
        new InfoBody
        {
            Silo = options.SiloName,
            Engine = options.EngineName,
            CoordinatorVersion = Version,
            Protocol = Hello.CurrentProtocol,
            ProcessId = Environment.ProcessId,
            StartedAt = startedAt,
            Workers = links.Count,
        },
        ApiJson.Default.InfoBody);

    private IResult Health()
    {
        var problem = options.Problem?.Invoke();
        return TypedResults.Json(
            new HealthBody { Healthy = problem is null, Problem = problem },
            ApiJson.Default.HealthBody,
            statusCode: problem is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }
}
