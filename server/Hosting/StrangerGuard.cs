using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace Coordinator.Server.Hosting;

/// <summary>
/// Connections on which nobody has shown the token yet: so many of them, so many from one address, and each for so long. Who comes is let
/// in, and in its place the one goes that has waited longest, so idle connections keep nobody out and use up no descriptors. A connection
/// that has shown the token counts no more.
/// </summary>
internal sealed class StrangerGuard(SiloServerOptions options)
{
    private readonly Dictionary<IPAddress, LinkedList<Stranger>> lines = [];

    // All of them in the order in which they came, whatever their address.
    private readonly LinkedList<Stranger> all = [];
    private readonly Lock gate = new();

    /// <summary>Serves a connection.</summary>
    public async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var stranger = new Stranger(this, connection, (connection.RemoteEndPoint as IPEndPoint)?.Address ?? IPAddress.None);
        connection.Features.Set(stranger);
        Enter(stranger);
        using var patience = options.TimeProvider.CreateTimer(
            _ => TurnAway(stranger), null, options.StrangerTimeout, Timeout.InfiniteTimeSpan);
        try
        {
            await next(connection).ConfigureAwait(false);
        }
        finally
        {
            Leave(stranger);
        }
    }

    /// <summary>The token was shown on the request's connection.</summary>
    public static void Know(HttpContext context)
    {
        if (context.Features.Get<Stranger>() is { } stranger)
            stranger.Guard.Leave(stranger);
    }

    private void Enter(Stranger stranger)
    {
        Stranger? going = null;
        lock (gate)
        {
            if (!lines.TryGetValue(stranger.Address, out var line))
                lines.Add(stranger.Address, line = []);
            if (line.Count >= options.MaxStrangersOfOneAddress)
                going = line.First!.Value;
            else if (all.Count >= options.MaxStrangers)
                going = all.First!.Value;
            stranger.Place = line.AddLast(stranger);
            stranger.PlaceAmongAll = all.AddLast(stranger);
        }

        if (going is not null)
            TurnAway(going);
    }

    private void TurnAway(Stranger stranger)
    {
        if (Leave(stranger))
            stranger.Connection.Abort(new ConnectionAbortedException("no token was shown on the connection in time"));
    }

    private bool Leave(Stranger stranger)
    {
        lock (gate)
        {
            if (stranger.Place is not { List: { } line } place)
                return false;
            line.Remove(place);
            all.Remove(stranger.PlaceAmongAll!);
            if (line.Count == 0)
                lines.Remove(stranger.Address);
            return true;
        }
    }

    private sealed class Stranger(StrangerGuard guard, ConnectionContext connection, IPAddress address)
    {
        public StrangerGuard Guard => guard;

        public ConnectionContext Connection => connection;

        public IPAddress Address => address;

        public LinkedListNode<Stranger>? Place { get; set; }

        public LinkedListNode<Stranger>? PlaceAmongAll { get; set; }
    }
}
