using System.Net;
using System.Net.Sockets;

namespace Coordinator.Runs.Processes;

/// <summary>
/// Loopback ports for programs that cannot choose one themselves and say which. Another process may take one first; then that start fails
/// with a message.
/// </summary>
public static class FreePorts
{
    /// <summary>A port that nobody listens on now.</summary>
    public static int Next()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
