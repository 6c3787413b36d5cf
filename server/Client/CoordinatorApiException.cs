using System.Net;
using System.Security.Authentication;
using Coordinator.Server.Api;

namespace Coordinator.Server.Client;

/// <summary>A silo refused a request or could not be reached. The message says what is wrong, <see cref="Remedy"/> what to do.</summary>
public sealed class CoordinatorApiException : Exception
{
    /// <summary>A silo's refusal.</summary>
    public CoordinatorApiException(HttpStatusCode status, string error, string remedy, IReadOnlyList<JobProblem>? problems)
        : base(error)
    {
        Status = status;
        Remedy = remedy;
        Problems = problems ?? [];
    }

    /// <summary>No silo answers.</summary>
    public CoordinatorApiException(string error, string remedy, Exception inner)
        : base(error, inner)
    {
        Remedy = remedy;
        Problems = [];
    }

    /// <summary>The answer's status; null: there was no answer.</summary>
    public HttpStatusCode? Status { get; }

    /// <summary>What to do about it.</summary>
    public string Remedy { get; }

    /// <summary>What is wrong with a job, where that is what it is about.</summary>
    public IReadOnlyList<JobProblem> Problems { get; }

    /// <summary>
    /// Whether the same request may succeed in a moment: there was no answer, or one of a silo that is about to end, or of a proxy whose
    /// silo is away. A certificate that is refused is refused again.
    /// </summary>
    public bool MayRepeat => Status is null
        ? InnerException?.InnerException is not AuthenticationException
        : Status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError;
}
