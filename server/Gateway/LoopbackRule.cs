using System.Net;
using System.Net.NetworkInformation;
using Coordinator.Machines;

namespace Coordinator.Server.Gateway;

/// <summary>
/// A worker that tells its peers a loopback address can be reached by workers of its own host alone, and so serves only where all of them
/// are there. Refused is one that comes from another host than the silo's for certain. Where the silo cannot tell, it lets the worker in:
/// what comes from the silo's own gateway may be the host of the container that the silo runs in, whose published port hides who connects.
/// A worker that no peer reaches is set aside by what its peers say (<see cref="Machines.Clusters.ReachPolicy"/>).
/// </summary>
internal static class LoopbackRule
{
    /// <summary>Why no peer will reach a worker; null: some may.</summary>
    /// <param name="dataAddress">What it tells its peers.</param>
    /// <param name="remote">Where its connection comes from.</param>
    /// <param name="local">Where it came in.</param>
    /// <param name="gateways">Gateways of the silo's networks; null: as the system has them now.</param>
    public static string? WhyUnreachable(
        string dataAddress, IPAddress? remote, IPAddress? local, IReadOnlyCollection<IPAddress>? gateways = null)
    {
        if (!DataAddresses.IsLoopback(dataAddress) || Plain(remote) is not { } from || IPAddress.IsLoopback(from)
            || from.Equals(Plain(local)))
        {
            return null;
        }
        return (gateways ?? Gateways()).Any(from.Equals)
            ? null
            : $"data address {dataAddress} is its own host's loopback, and {from} is another host: give --data-address";
    }

    private static IPAddress? Plain(IPAddress? address) => address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address;

    private static IReadOnlyCollection<IPAddress> Gateways()
    {
        try
        {
            return [.. NetworkInterface.GetAllNetworkInterfaces().SelectMany(card => card.GetIPProperties().GatewayAddresses).Select(
                gateway => gateway.Address)];
        }
        catch (NetworkInformationException)
        {
            return [];
        }
    }
}
