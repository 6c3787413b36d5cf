using System.Globalization;

namespace Coordinator.Machines;

/// <summary>Addresses of workers' data ports, <c>host:port</c>, as their peers are told them.</summary>
public static class DataAddresses
{
    /// <summary>
    /// Why the text can be nobody's address in the eyes of another host; null: it can be one. Whether anybody answers there, only dialling
    /// tells. The message names no address: whoever shows it does.
    /// </summary>
    public static string? Problem(string address)
    {
        if (!TrySplit(address, out var host, out var port))
            return "it is not host:port";
        if (port == 0)
            return "port 0 stands for any port, and nobody can dial it";
        return BareHostProblem(host);
    }

    /// <summary>Why the text can be no other host's name or address; null: it can. An IPv6 address may be in brackets.</summary>
    public static string? HostProblem(string host) =>
        BareHostProblem(host is ['[', .., ']'] && host.Contains(':', StringComparison.Ordinal) ? host[1..^1] : host);

    /// <summary>Whether the address is of its own host's loopback, which no other host reaches.</summary>
    public static bool IsLoopback(string address) => TrySplit(address, out var host, out _)
        && (host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || host == "::1" || Octets(host)?[0] == 127);

    /// <summary>An address of a host and a port; an IPv6 address gets its brackets where it has none.</summary>
    public static string Join(string host, int port)
    {
        var text = host.Contains(':', StringComparison.Ordinal) && !host.StartsWith('[') ? $"[{host}]" : host;
        return string.Create(CultureInfo.InvariantCulture, $"{text}:{port}");
    }

    /// <summary>Takes an address apart; the brackets of an IPv6 address are left out.</summary>
    public static bool TrySplit(string address, out string host, out int port)
    {
        (host, port) = ("", 0);
        var colon = address.LastIndexOf(':');
        if (colon < 0 || !int.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port)
            || port > 65535)
        {
            return false;
        }
        host = address[..colon];
        if (host is ['[', .., ']'])
            host = host[1..^1];
        else if (host.Contains(':', StringComparison.Ordinal))
            return false;
        return true;
    }

    private static string? BareHostProblem(string host)
    {
        if (host.Length == 0)
            return "it names no host";
        if (host.Length > 253 || host.Any(letter => !char.IsAsciiLetterOrDigit(letter) && letter is not ('.' or '-' or '_' or ':' or '%')))
            return "it is neither a host's name nor an IP address";
        if (host.Contains(':', StringComparison.Ordinal))
        {
            if (host.All(letter => letter is '0' or ':'))
                return "it stands for all addresses of its own host";
            return host.StartsWith("ff", StringComparison.OrdinalIgnoreCase) ? "it is a group's address and no host's" : null;
        }

        if (Octets(host) is not { } octets)
            return host.All(letter => char.IsAsciiDigit(letter) || letter == '.') ? "it is neither a host's name nor an IP address" : null;
        return octets[0] == 0 ? "it stands for all addresses of its own host"
            : octets[0] >= 224 ? "it is a group's address and no host's"
            : null;
    }

    private static int[]? Octets(string host)
    {
        var parts = host.Split('.');
        if (parts.Length != 4)
            return null;
        var octets = new int[4];
        for (var i = 0; i < 4; i++)
        {
            if (parts[i].Length > 3 || !int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out octets[i])
                || octets[i] > 255)
            {
                return null;
            }
        }

        return octets;
    }
}
