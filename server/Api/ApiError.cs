using Microsoft.AspNetCore.Http;

namespace Coordinator.Server.Api;

/// <summary>Answers that something is wrong: always what, and what to do about it.</summary>
internal static class ApiError
{
    public static Task Write(HttpContext context, int status, string error, string remedy)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(new ErrorBody { Error = error, Remedy = remedy }, ApiJson.Default.ErrorBody);
    }

    public static IResult Result(int status, string error, string remedy, IReadOnlyList<JobProblem>? problems = null) =>
        TypedResults.Json(
            new ErrorBody { Error = error, Remedy = remedy, Problems = problems }, ApiJson.Default.ErrorBody, statusCode: status);

    public static IResult BadRequest(string error, string remedy) => Result(StatusCodes.Status400BadRequest, error, remedy);

    public static IResult NotFound(string error, string remedy) => Result(StatusCodes.Status404NotFound, error, remedy);

    public static IResult NoJob(string id) => NotFound($"there is no job '{id}'", "List the jobs with GET /api/v1/jobs.");
}
