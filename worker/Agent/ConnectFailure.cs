using System.Net;
using System.Net.WebSockets;
using System.Security.Authentication;

namespace Coordinator.Worker.Agent;

/// <summary>Why a silo could not be connected to, in words that name the remedy: the WebSocket's own message says only that it failed.</summary>
internal static class ConnectFailure
{
    /// <summary>One line for the log.</summary>
    /// <param name="failure">What connecting threw.</param>
    /// <param name="status">The silo's answer in place of a WebSocket; 0: none came.</param>
    public static string Explain(Exception failure, HttpStatusCode status)
    {
        if (status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
            return $"it refuses this worker's token ({(int)status}): give --token-file the file that the silo was started with, or a copy of it";
        var cause = failure;
        while (cause is not AuthenticationException && cause.InnerException is { } inner)
            cause = inner;
        if (cause is AuthenticationException)
            return $"its certificate is refused: {cause.Message} Name the silo as its certificate does, and trust the certificate's authority (SSL_CERT_FILE, or the system's store)";
        return failure is WebSocketException && !ReferenceEquals(cause, failure) ? $"{failure.Message} ({cause.Message})" : failure.Message;
    }
}
