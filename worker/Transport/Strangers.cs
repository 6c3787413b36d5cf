using System.Net;
using System.Net.Sockets;

namespace Coordinator.Worker.Transport;

/// <summary>A connection that was accepted and has not proved itself.</summary>
internal sealed class Stranger(Socket socket) : IDisposable
{
    private readonly CancellationTokenSource away = new();

    public Socket Socket => socket;

    /// <summary>Cancelled when it has to make room.</summary>
    public CancellationToken Away => away.Token;

    /// <summary>Whether its hello came.</summary>
    public bool HasSpoken { get; set; }

    /// <summary>
    /// The connections that it shares its room with: those from its address, or those that say that they are the same peer.
    /// </summary>
    public object? Line { get; set; }

    public void TurnAway() => away.Cancel();

    public void Dispose() => away.Dispose();
}

/// <summary>
/// Connections that have not proved themselves, bounded as a whole, for each address that they come from, and for each peer that they say
/// they are. The door is never shut: who comes is let in, and in its place one goes that has had more time and said less. A peer says its
/// hello as soon as it is connected; whoever only holds connections open, or says a byte now and then, loses them to it. Thread-safe.
/// </summary>
internal sealed class Strangers(int most, int mostOfOneAddress)
{
    /// <summary>A peer dials once at a time; the others that say its name are earlier attempts, or not the peer.</summary>
    private const int MostOfOnePeer = 4;

    /// <summary>Of so many that have waited longest the one goes that has said nothing.</summary>
    private const int LookedAt = 8;

    private readonly Dictionary<object, List<Stranger>> lines = [];
    private readonly Lock gate = new();
    private int count;

    /// <summary>Takes one in.</summary>
    /// <exception cref="SocketException">It has gone already.</exception>
    public Stranger Enter(Socket socket)
    {
        var address = ((IPEndPoint)socket.RemoteEndPoint!).Address;
        var stranger = new Stranger(socket);
        lock (gate)
        {
            if (lines.TryGetValue(address, out var line) && line.Count >= mostOfOneAddress)
                TurnAwayOneOf(line);
            else if (count >= most)
                TurnAwayOneOfTheMost();
            Join(stranger, address);
            count++;
        }

        return stranger;
    }

    /// <summary>
    /// It has named itself as a peer that is expected, and now has to prove it: it shares its room with nobody but that peer's other
    /// connections.
    /// </summary>
    /// <returns>False where it had to go before.</returns>
    public bool Expect(Stranger stranger, object peer)
    {
        lock (gate)
        {
            if (!Drop(stranger))
                return false;
            if (lines.TryGetValue(peer, out var line) && line.Count >= MostOfOnePeer)
                TurnAwayOneOf(line);
            Join(stranger, peer);
        }

        return true;
    }

    /// <summary>It has proved itself, or is gone.</summary>
    public void Leave(Stranger stranger)
    {
        lock (gate)
            Drop(stranger);
    }

    /// <summary>Makes room for what needs a descriptor.</summary>
    public void MakeRoom()
    {
        lock (gate)
            TurnAwayOneOfTheMost();
    }

    private void Join(Stranger stranger, object to)
    {
        if (!lines.TryGetValue(to, out var line))
            lines.Add(to, line = []);
        line.Add(stranger);
        stranger.Line = to;
    }

    private bool Drop(Stranger stranger)
    {
        if (stranger.Line is not { } from)
            return false;
        if (from is IPAddress)
            count--;
        lines[from].Remove(stranger);
        if (lines[from].Count == 0)
            lines.Remove(from);
        stranger.Line = null;
        return true;
    }

    private void TurnAwayOneOfTheMost()
    {
        if (lines.Where(line => line.Key is IPAddress).MaxBy(line => line.Value.Count).Value is { } longest)
            TurnAwayOneOf(longest);
    }

    private void TurnAwayOneOf(List<Stranger> line)
    {
        var oldest = line.Take(LookedAt).ToArray();
        var going = oldest.FirstOrDefault(IsMute) ?? oldest.FirstOrDefault(stranger => !stranger.HasSpoken) ?? oldest[0];
        Drop(going);
        going.TurnAway();
    }

    /// <summary>A hello that has come and was not read yet is this worker's delay.</summary>
    private static bool IsMute(Stranger stranger)
    {
        try
        {
            return !stranger.HasSpoken && stranger.Socket.Available == 0;
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }
}
