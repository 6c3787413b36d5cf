using System.Data.Common;
using Coordinator.Server.Api;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Coordinator.Server.Hosting;

/// <summary>Turns what endpoints throw into answers that people can use, and paths that nobody serves too.</summary>
internal sealed partial class Faults(ILogger<Faults> logger)
{
    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context).ConfigureAwait(false);
            if (!context.Response.HasStarted && context.Response is
                {
                    StatusCode: StatusCodes.Status404NotFound
                or StatusCodes.Status405MethodNotAllowed, ContentLength: null
                })
            {
                await ApiError.Write(
                    context,
                    context.Response.StatusCode,
                    $"nothing here answers {context.Request.Method} {context.Request.Path}",
                    "See docs/protocol.md for the paths of the API.").ConfigureAwait(false);
            }
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is left to answer.
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            var (status, error, remedy) = Explain(exception);
            if (status == StatusCodes.Status500InternalServerError)
                Failed(logger, context.Request.Method, context.Request.Path, exception);
            await ApiError.Write(context, status, error, remedy).ConfigureAwait(false);
        }
    }

    private static (int Status, string Error, string Remedy) Explain(Exception exception) => exception switch
    {
        BadHttpRequestException bad => (bad.StatusCode, BindingProblem.Of(bad.Message), "Correct the request; see docs/protocol.md."),
        ObjectDisposedException => (StatusCodes.Status503ServiceUnavailable, "the silo is stopping", "Ask again in a moment."),
        GrainsAwayException => (StatusCodes.Status503ServiceUnavailable, exception.Message, "Ask again in a moment, or ask another silo."),
        DbException => (
            StatusCodes.Status503ServiceUnavailable,
            "storage does not answer",
            "Ask again in a moment; look at the disk of the data directory."),
        IOException => (
            StatusCodes.Status503ServiceUnavailable,
            $"the data directory cannot be used: {exception.Message}",
            "Look at its disk and its permissions, and ask again."),
        _ => (
            StatusCodes.Status500InternalServerError,
            "the silo failed to answer",
            "This is a fault of the coordinator: its log says more."),
    };

    [LoggerMessage(1, LogLevel.Error, "{Method} {Path} failed")]
    private static partial void Failed(ILogger logger, string method, string path, Exception exception);
}
