using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Coordinator.Tests.Server;

/// <summary>
/// An endpoint as the running server has it: what a test must know to speak to it, taken from the code and from nowhere else.
/// </summary>
/// <param name="Method">Method.</param>
/// <param name="Pattern">Its path, with parameters in it.</param>
/// <param name="Query">Names of what its query may have.</param>
public sealed record ApiRoute(string Method, RoutePattern Pattern, IReadOnlyList<string> Query)
{
    /// <summary>Whether requests may have a body.</summary>
    public bool TakesBody => Method is "PUT" or "POST" or "DELETE";

    /// <summary>The path with a value for each parameter.</summary>
    public string PathWith(Func<string, string> value) =>
        "/" + string.Join('/', Pattern.PathSegments.Select(segment => string.Concat(segment.Parts.Select(part => part switch
    {
        RoutePatternLiteralPart literal => literal.Content,
        RoutePatternParameterPart parameter => value(parameter.Name),
        _ => "",
    }))));

    /// <inheritdoc/>
    public override string ToString() => $"{Method} {Pattern.RawText}";

    /// <summary>All endpoints of a server.</summary>
    public static IReadOnlyList<ApiRoute> Of(IEndpointRouteBuilder app) =>
    [
        .. from source in app.DataSources
           from endpoint in source.Endpoints.OfType<RouteEndpoint>()
           from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]
           select new ApiRoute(method, endpoint.RoutePattern, QueryOf(endpoint)),
    ];

    private static IReadOnlyList<string> QueryOf(RouteEndpoint endpoint) =>
    [
        .. from parameter in endpoint.Metadata.GetMetadata<MethodInfo>()?.GetParameters() ?? []
           where parameter.ParameterType != typeof(HttpContext) && parameter.ParameterType != typeof(HttpRequest)
               && parameter.ParameterType != typeof(CancellationToken)
               && endpoint.RoutePattern.Parameters.All(known => known.Name != parameter.Name)
           select parameter.Name!,
    ];
}
