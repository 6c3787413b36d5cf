using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Coordinator.Worker.Transport;

/// <summary>
/// A worker dials the address that its peers are told, before it tells them, where that is one of its own host's: then it can know that it
/// leads to its own listener. Of an address elsewhere (a router's, a container's host) only peers can tell.
/// </summary>
internal static class SelfDial
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>What is wrong with the address; null: it leads here, or that cannot be known from here.</summary>
    public static async Task<string?> ProblemAsync(string address, HandshakeHello hello, CancellationToken cancel)
    {
        if (Machines.DataAddresses.Problem(address) is { } impossible)
            return impossible;
        Machines.DataAddresses.TrySplit(address, out var host, out var port);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Patience);
        try
        {
            var own = NetworkInterface.GetAllNetworkInterfaces().SelectMany(card => card.GetIPProperties().UnicastAddresses)
                .Select(unicast => unicast.Address).ToHashSet();
            var addresses = await Dns.GetHostAddressesAsync(host, limit.Token).ConfigureAwait(false);
            if (addresses.Length == 0 || !addresses.All(one => IPAddress.IsLoopback(one) || own.Contains(one)))
                return null;

            // Debian's installer gives a host's own name a loopback address in its own /etc/hosts; elsewhere the name means another one.
            if (!IPAddress.TryParse(host, out _) && !host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
                && addresses.All(IPAddress.IsLoopback))
            {
                return null;
            }
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(addresses, port, limit.Token).ConfigureAwait(false);
            return await Handshake.DialAsync(
                socket, hello, [], limit.Token).ConfigureAwait(false) is RefusalReason.Self or RefusalReason.Busy or RefusalReason.TimedOut
                ? null
                : "another process answers there";
        }
        catch (SocketException refused) when (refused.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return $"nobody listens there ({refused.Message})";
        }
        catch (EndOfStreamException)
        {
            return "what answers there is no worker";
        }
        catch (Exception unknown) when (unknown is SocketException or NetworkInformationException or OperationCanceledException)
        {
            // A name that cannot be looked up now, or a host that is busy: peers will tell.
            cancel.ThrowIfCancellationRequested();
            return null;
        }
    }
}
