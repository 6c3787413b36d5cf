using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Coordinator.Machines;
using Coordinator.Runs.Outcomes;

namespace Coordinator.Cli.Commands;

/// <summary>
/// Whether what <c>worker --data-address</c> and <c>--data-host</c> say can be this worker's address in the eyes of its peers. What cannot
/// is refused before anything is started: the silo would offer the worker to jobs, and each would find out at the cost of an interruption.
/// </summary>
internal static class DataAddressCheck
{
    /// <summary>Refuses what can be no other host's address, whatever the network is like.</summary>
    /// <exception cref="CommandException">It can be none.</exception>
    public static void RefuseImpossible(IPEndPoint listen, string? advertised)
    {
        if (advertised is not null && DataAddresses.HostProblem(advertised) is { } problem)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"'{advertised}' cannot be --data-host: {problem}.",
                "Name the host or the IP address that other workers reach this one at, without a port, such as --data-host 10.0.0.7.");
        }
        if (advertised is null && DataAddresses.HostProblem(listen.Address.ToString()) is { } wildcard)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"Other workers cannot dial {listen.Address} (--data-address): {wildcard}.",
                "Listen on the address that they reach this host at, or say that with --data-host, such as --data-host 10.0.0.7.");
        }
    }

    /// <summary>
    /// Refuses a loopback address where a silo is on another host: other workers, if there are any, are not on this one's loopback.
    /// </summary>
    /// <exception cref="CommandException">It is one, and a silo is elsewhere.</exception>
    public static async Task RefuseLoopbackToOthersAsync(IPEndPoint listen, string? advertised, IReadOnlyList<Uri> silos)
    {
        if (!DataAddresses.IsLoopback(DataAddresses.Join(advertised ?? listen.Address.ToString(), 1)))
            return;
        foreach (var silo in silos)
        {
            if (!await IsElsewhereAsync(silo))
                continue;
            throw new CommandException(
                ExitCodes.Usage,
                $"The silo {silo} is on another host, and other workers cannot reach {advertised ?? listen.Address.ToString()}: that is "
                    + "this host's loopback.",
                "Say where they reach this worker, such as --data-address 10.0.0.7:7071, or --data-address 0.0.0.0:7071 with --data-host.");
        }
    }

    /// <summary>
    /// Whether a silo's name stands for addresses none of which is this host's. A name that cannot be looked up now may be either.
    /// </summary>
    private static async Task<bool> IsElsewhereAsync(Uri silo)
    {
        if (silo.IsLoopback)
            return false;
        try
        {
            var own = NetworkInterface.GetAllNetworkInterfaces().SelectMany(card => card.GetIPProperties().UnicastAddresses)
                .Select(unicast => unicast.Address).ToHashSet();
            var addresses = await Dns.GetHostAddressesAsync(silo.DnsSafeHost);
            return addresses.Length > 0 && !addresses.Any(address => IPAddress.IsLoopback(address) || own.Contains(address));
        }
        catch (Exception unknown) when (unknown is SocketException or NetworkInformationException or ArgumentException)
        {
            return false;
        }
    }
}
