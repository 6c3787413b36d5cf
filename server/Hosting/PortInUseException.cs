namespace Coordinator.Server.Hosting;

/// <summary>Another process listens on the port.</summary>
public sealed class PortInUseException(int port, string url, Exception inner) : Exception(
    $"port {port} is in use, so this silo cannot listen on {url}. Stop what listens there, or choose another port (0 for any free one).",
    inner)
{
    /// <summary>The port.</summary>
    public int Port { get; } = port;
}
