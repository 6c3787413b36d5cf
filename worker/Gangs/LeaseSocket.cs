using System.Net;
using System.Net.Sockets;
using Coordinator.Machines;

namespace Coordinator.Worker.Gangs;

/// <summary>Where an agent asks its peers whether they are there, and answers them: datagrams, since what is lost is asked again.</summary>
internal sealed class LeaseSocket : IDisposable
{
    private readonly Socket socket;
    private readonly JobId job;
    private readonly long generation;
    private readonly Func<bool> answers;
    private readonly Action<int, TimeSpan> answered;
    private int self;
    private byte[]? key;

    /// <summary>Listens on a free port.</summary>
    /// <param name="address">Address to listen on.</param>
    /// <param name="job">The job.</param>
    /// <param name="generation">The generation.</param>
    /// <param name="answers">Whether questions are answered now.</param>
    /// <param name="answered">Told who answered what was asked at a time.</param>
    /// <exception cref="SocketException">The address cannot be listened on.</exception>
    public LeaseSocket(IPAddress address, JobId job, long generation, Func<bool> answers, Action<int, TimeSpan> answered)
    {
        (this.job, this.generation, this.answers, this.answered) = (job, generation, answers, answered);
        socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(address, 0));
        _ = Task.Run(ReceiveAsync);
    }

    /// <summary>The port.</summary>
    public int Port => ((IPEndPoint)socket.LocalEndPoint!).Port;

    /// <summary>Before this nobody is heeded.</summary>
    public void Begin(GangStart start, int index)
    {
        self = index;
        Volatile.Write(ref key, Convert.FromBase64String(start.Key));
    }

    /// <summary>Asks all others of the panel.</summary>
    public void Ask(GangStart start, TimeSpan sentAt)
    {
        if (Volatile.Read(ref key) is not { } secret)
            return;
        var packet = new LeasePacket(IsAnswer: false, generation, self, sentAt).Write(job, secret);
        foreach (var peer in start.Panel.Where(peer => peer.Index != self))
            _ = SendAsync(packet, peer.Address);
    }

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();

    private async Task ReceiveAsync()
    {
        var buffer = new byte[LeasePacket.Bytes + 1];
        EndPoint anyone = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, 0);
        while (true)
        {
            try
            {
                var packet = await socket.ReceiveFromAsync(buffer, SocketFlags.None, anyone).ConfigureAwait(false);
                if (Volatile.Read(ref key) is not { } secret
                    || LeasePacket.Read(buffer.AsSpan(0, packet.ReceivedBytes), job, secret) is not { } said
                    || said.Generation != generation)
                {
                    continue;
                }
                if (said.IsAnswer)
                {
                    answered(said.From, said.SentAt);
                }
                else if (answers())
                {
                    await socket.SendToAsync(
                        new LeasePacket(IsAnswer: true, generation, self, said.SentAt).Write(job, secret),
                        SocketFlags.None,
                        packet.RemoteEndPoint).ConfigureAwait(false);
                }
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException gone) when (gone.SocketErrorCode is SocketError.OperationAborted or SocketError.Interrupted)
            {
                return;
            }
            catch (SocketException)
            {
                // A peer that is away is told here, and asked again later.
            }
        }
    }

    private async Task SendAsync(byte[] packet, string address)
    {
        try
        {
            if (IPEndPoint.TryParse(address, out var endpoint))
            {
                await socket.SendToAsync(packet, SocketFlags.None, endpoint).ConfigureAwait(false);
                return;
            }

            var colon = address.LastIndexOf(':');
            foreach (var host in (await Dns.GetHostAddressesAsync(address[..colon], socket.AddressFamily).ConfigureAwait(false)).Take(1))
            {
                await socket.SendToAsync(packet, SocketFlags.None, new IPEndPoint(
                    host, int.Parse(address.AsSpan(colon + 1), System.Globalization.CultureInfo.InvariantCulture))).ConfigureAwait(false);
            }
        }
        catch (Exception lost) when (lost is SocketException or ObjectDisposedException)
        {
            // It is asked again.
        }
    }
}
