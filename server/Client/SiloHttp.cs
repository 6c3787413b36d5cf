using System.Net;

namespace Coordinator.Server.Client;

/// <summary>
/// Every connection of this program to a silo goes through a handler that was made here: HTTP and WebSocket, downloads and uploads alike.
/// <para>
/// A silo's token reaches nobody whom its user did not name. No proxy of the environment is asked (<c>http_proxy</c>, <c>ALL_PROXY</c> and
/// <c>NO_PROXY</c> mean nothing here), and no redirect is followed: a silo sends none, and whoever does is somebody else.
/// </para>
/// </summary>
public static class SiloHttp
{
    /// <summary>A handler of requests to silos.</summary>
    /// <param name="proxy">The proxy that the user asked for; null: none. What is on this host's loopback is reached without one all the
    /// same.</param>
    public static SocketsHttpHandler CreateHandler(Uri? proxy = null) => new()
    {
        UseProxy = proxy is not null,
        Proxy = proxy is null ? null : new NamedProxy(proxy),
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(30),
    };

    /// <summary>What sends requests to silos and opens WebSockets to them. The caller disposes of it.</summary>
    /// <param name="proxy">As for <see cref="CreateHandler"/>.</param>
    public static HttpMessageInvoker Create(Uri? proxy = null) => new(CreateHandler(proxy));

    private sealed class NamedProxy(Uri address) : IWebProxy
    {
        public ICredentials? Credentials { get; set; } = address.UserInfo.Split(':', 2) is [{ Length: > 0 } user, var password]
            ? new NetworkCredential(Uri.UnescapeDataString(user), Uri.UnescapeDataString(password))
            : null;

        public Uri GetProxy(Uri destination) => address;

        public bool IsBypassed(Uri host) => host.IsLoopback;
    }
}
