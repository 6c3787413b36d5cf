using System.Net.Sockets;
using System.Security.Cryptography;
using Coordinator.Machines;
using Coordinator.Worker.Agent;

namespace Coordinator.Worker.Transport;

/// <summary>
/// Dials a peer until the connection stands, the peer is known to be gone, or the generation is over here.
/// <para>
/// That nobody listens at the peer's address is the only thing that is taken for its end. A door that is full, a connection that is closed
/// in its handshake, a name that cannot be looked up just now, and whatever this worker lacks itself (descriptors, ports) say nothing of
/// the peer: it is dialled again, with growing waits. How long that may go on is for <see cref="LinkWatch"/> to say, and what it says then
/// is silence, with the last trouble.
/// </para>
/// </summary>
internal static class PeerDialer
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(500);

    public static async Task RunAsync(NodeId self, GenerationLinks group, PeerLink link, CancellationToken stopping)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(stopping, group.Over);
        var address = group.Addresses[link.Peer];
        var backoff = new Backoff(group.Spec.Generation);
        while (!cancel.IsCancellationRequested && !link.Closed)
        {
            try
            {
                if (await TryAsync(self, group, link, address, cancel.Token).ConfigureAwait(false) is { } trouble)
                    link.Trouble = trouble;
                else
                    return;
                var wait = backoff.Next();
                await Task.Delay(wait < LongestWait ? wait : LongestWait, cancel.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>One attempt.</summary>
    /// <returns>Why there is to be another; null: there is none, since the connection stands or the peer is lost.</returns>
    private static async Task<string?> TryAsync(NodeId self, GenerationLinks group, PeerLink link, string address, CancellationToken cancel)
    {
        Socket? socket = null;
        var taken = false;
        try
        {
            if (!DataAddresses.TrySplit(address, out var host, out var port))
                return Lose(Evidence.Invalid, $"'{address}' is no data-plane address: host:port is");
            socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(host, port, cancel).ConfigureAwait(false);
            var hello = new HandshakeHello(
                group.Spec.Job, group.Spec.Generation, self, link.Peer, RandomNumberGenerator.GetBytes(HandshakeHello.NonceSize));
            var refusal = await Handshake.DialAsync(socket, hello, group.Spec.Key, cancel).ConfigureAwait(false);
            taken = refusal == RefusalReason.None && link.Attach(socket);
            return refusal switch
            {
                // The peer is ahead: this worker will hear of the newer generation too.
                RefusalReason.None or RefusalReason.OlderGeneration or RefusalReason.Repeated => null,
                RefusalReason.UnknownGeneration => "it has not heard of the generation",
                RefusalReason.Busy => "its door is full",
                RefusalReason.TimedOut => "it did not hear a handshake in time",

                // Another process answers at its address: the worker that was there is gone.
                RefusalReason.WrongNode => Lose(Evidence.ConnectionClosed, $"{address} is another node's"),
                _ => Lose(Evidence.Invalid, $"{link.Peer} at {address} refused the connection: {refusal}"),
            };
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return Lose(Evidence.ConnectionClosed, $"connecting to {address}: {e.Message}");
        }
        catch (SocketException e) when (
            e.SocketErrorCode is SocketError.TimedOut or SocketError.HostUnreachable or SocketError.NetworkUnreachable)
        {
            return Lose(Evidence.Silent, $"connecting to {address}: {e.Message}");
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or EndOfStreamException)
        {
            return e.Message;
        }
        finally
        {
            if (!taken)
                socket?.Dispose();
        }

        string? Lose(Evidence evidence, string detail)
        {
            group.Lose(link, evidence, detail, unreached: true);
            return null;
        }
    }
}
