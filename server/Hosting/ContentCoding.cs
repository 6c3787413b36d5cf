using Coordinator.Machines;
using Coordinator.Server.Api;
using Microsoft.AspNetCore.Http;

namespace Coordinator.Server.Hosting;

/// <summary>
/// A body is taken byte for byte as it comes. One that says of itself that it is packed is refused, since it would be stored, or called
/// damaged, as what it is not.
/// </summary>
internal static class ContentCoding
{
    private const int MostShown = 60;

    /// <summary>Passes a request on, unless its body is packed.</summary>
    public static Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var coding = context.Request.Headers.ContentEncoding.ToString().Trim();
        return coding.Length == 0 || coding.Equals("identity", StringComparison.OrdinalIgnoreCase)
            ? next(context)
            : ApiError.Write(
                context,
                StatusCodes.Status415UnsupportedMediaType,
                $"the body is packed as '{PlainText.Line(coding, MostShown)}', which nothing here unpacks",
                "Send it as it is, without Content-Encoding.");
    }
}
