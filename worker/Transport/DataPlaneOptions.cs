using System.Net;
using Coordinator.Machines;

namespace Coordinator.Worker.Transport;

/// <summary>Settings of a worker's data plane.</summary>
public sealed record DataPlaneOptions
{
    /// <summary>The worker's node.</summary>
    public required NodeId Node { get; init; }

    /// <summary>Where to listen; port 0 takes a free one. Default: loopback.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>Host name or address that peers are told, where it is not the one listened on (0.0.0.0, say).</summary>
    public string? AdvertisedHost { get; init; }

    /// <summary>
    /// How long a connection may be idle before it carries a sign of life. Default 250 ms; well below the job's peer timeout.
    /// </summary>
    public TimeSpan KeepAlivePeriod { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long an accepted connection may take to prove itself, waiting for its generation included. Default 5 s.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a connection of a generation that is not known yet is held before it is refused. Default 2 s.</summary>
    public TimeSpan UnknownGenerationHold { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Connections that may be proving themselves at once. For one more, one that has had longer and said less goes. At least 1. Default
    /// 1024.
    /// </summary>
    public int MaxHandshakes { get; init; } = 1024;

    /// <summary>As many of them from one address. At least 1. Default 256.</summary>
    public int MaxHandshakesOfOneAddress { get; init; } = 256;

    /// <summary>Told of every frame that was handed to the kernel or, within the worker, to its rank. For fault injection.</summary>
    public Action<FrameHeader>? FrameSent { get; init; }
}
