using System.CommandLine;
using Coordinator.Machines;

namespace Coordinator.Cli.Commands;

/// <summary><c>--proxy</c>: the way to a silo that can be reached no other way. Proxies of the environment are never used.</summary>
public static class ProxyOption
{
    private static readonly string[] Schemes = ["http", "https", "socks4", "socks4a", "socks5"];

    /// <summary>The option.</summary>
    public static Option<Uri?> Create() => new("--proxy")
    {
        Description = "Proxy on the way to the silo, such as http://proxy.example:3128, which then sees the token; none unless it is given "
            + "here, and none to this host.",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (Uri.TryCreate(text, UriKind.Absolute, out var proxy) && Schemes.Contains(proxy.Scheme) && proxy.Host.Length > 0
                && proxy.PathAndQuery is "/" or "")
            {
                return proxy;
            }
            result.AddError($"'{PlainText.Address(text)}' is no address of a proxy; write http://HOST:PORT or socks5://HOST:PORT.");
            return null;
        },
    };
}
