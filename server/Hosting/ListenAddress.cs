using System.Globalization;
using System.Net;
using Coordinator.Machines;

namespace Coordinator.Server.Hosting;

/// <summary>Where a server listens.</summary>
/// <param name="Address">The address.</param>
/// <param name="Port">The port; 0: any free one.</param>
/// <param name="Tls">Whether it speaks TLS.</param>
public sealed record ListenAddress(IPAddress Address, int Port, bool Tls)
{
    /// <summary>Reads a URL.</summary>
    /// <exception cref="FormatException">It is none to listen on; the message says what one looks like.</exception>
    public static ListenAddress Parse(string url)
    {
        // Uri takes no '*' for a host.
        if (!Uri.TryCreate(url.Replace("//*", "//0.0.0.0", StringComparison.Ordinal), UriKind.Absolute, out var uri)
            || uri.Scheme is not ("http" or "https")
            || uri.PathAndQuery != "/"
            || uri.UserInfo.Length > 0
            || AddressOf(uri) is not { } address)
        {
            throw new FormatException(
                $"cannot listen on '{PlainText.Address(url)}': write http://127.0.0.1:7070, or another IP address, localhost or * with "
                    + $"a port");
        }
        return new ListenAddress(address, uri.Port, uri.Scheme == "https");
    }

    /// <summary>Whether it stands for all addresses of this host.</summary>
    public bool IsAny => Address.Equals(IPAddress.Any) || Address.Equals(IPAddress.IPv6Any);

    /// <summary>Where a server listens that got <paramref name="port"/>, as it was asked to.</summary>
    public string ListeningAt(int port) =>
        string.Create(CultureInfo.InvariantCulture, $"{(Tls ? "https" : "http")}://{new IPEndPoint(Address, port)}");

    /// <summary>The URL under which this host reaches a server that got <paramref name="port"/>.</summary>
    public string UrlAt(int port)
    {
        var host = IsAny ? IPAddress.Loopback : Address;
        return string.Create(CultureInfo.InvariantCulture, $"{(Tls ? "https" : "http")}://{new IPEndPoint(host, port)}");
    }

    private static IPAddress? AddressOf(Uri uri)
    {
        if (uri.Host == "localhost")
            return IPAddress.Loopback;
        return IPAddress.TryParse(uri.Host.Trim('[', ']'), out var address) ? address : null;
    }
}
