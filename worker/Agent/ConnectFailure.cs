using System.Net;
using System.Net.WebSockets;
using System.Security.Authentication;

namespace Coordinator.Worker.Agent;

/// <summary>
/// Why a silo could not be connected to, in words that name the remedy: the WebSocket's own message says only that it failed.
/// </summary>
/// <param name="Text">One line for the log.</param>
/// <param name="IsFinal">Whether the next attempt with the same command line would end the same.</param>
internal readonly record struct ConnectFailure(string Text, bool IsFinal)
{
    /// <summary>Makes sense of a failure.</summary>
    /// <param name="failure">What connecting threw.</param>
    /// <param name="status">The silo's answer in place of a WebSocket; 0: none came.</param>
    public static ConnectFailure Explain(Exception failure, HttpStatusCode status)
    {
        switch (status)
        {
            case HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden:
                return new($"it refuses this worker's token ({(int)status}): give --token-file the file that the silo was started with, or "
                    + "a copy of it", true);
            case HttpStatusCode.ProxyAuthenticationRequired:
                return new("the proxy wants to know who asks (407): write --proxy http://USER:PASSWORD@HOST:PORT", true);
            case >= HttpStatusCode.Ambiguous and < HttpStatusCode.BadRequest:
                return new(
                    $"it sends its callers on to another address ({(int)status}), and a token is not sent on: name the silo's own address",
                    true);
        }

        var cause = failure;
        while (cause is not AuthenticationException && cause.InnerException is { } inner)
            cause = inner;

        // One with a cause of its own is a handshake that broke off, which the next one may not.
        if (cause is AuthenticationException)
        {
            return new($"its certificate is refused: {cause.Message.TrimEnd('.')}. Name the silo as its certificate does, and trust the "
                + "certificate's authority (SSL_CERT_FILE, or the system's store)", cause.InnerException is null);
        }
        return new(
            failure is WebSocketException && !ReferenceEquals(cause, failure) ? $"{failure.Message} ({cause.Message})" : failure.Message,
            false);
    }
}
