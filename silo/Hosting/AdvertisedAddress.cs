using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Coordinator.Silo.Hosting;

/// <summary>
/// The address that a silo gives the others: written as one, or as this host's name, which is all that a container knows beforehand.
/// </summary>
public static class AdvertisedAddress
{
    /// <summary>Reads <c>--advertise</c>.</summary>
    /// <exception cref="FormatException">It is no address, and no name that stands for one of this host's; the message names
    /// it.</exception>
    public static IPAddress Parse(string text)
    {
        if (IPAddress.TryParse(text, out var address))
            return address;
        try
        {
            var own = NetworkInterface.GetAllNetworkInterfaces().SelectMany(card => card.GetIPProperties().UnicastAddresses)
                .Select(unicast => unicast.Address).ToHashSet();
            var found = Dns.GetHostAddresses(
                text, AddressFamily.InterNetwork).Where(own.Contains).OrderBy(IPAddress.IsLoopback).FirstOrDefault();
            return found ?? throw new FormatException(
                $"--advertise '{text}' is another host's name: write this host's, or one of its IP addresses, such as 10.0.0.5");
        }
        catch (SocketException unknown)
        {
            throw new FormatException($"--advertise '{text}' is no IP address, and no host name that can be looked up ({unknown.Message}): "
                + "write one of this host's, such as 10.0.0.5", unknown);
        }
    }
}
