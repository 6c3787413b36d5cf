using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Microsoft.Extensions.Logging;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Silo.Hosting;

/// <summary>Messages from this silo to grains, wherever those live: from its grains, its gateway and its API.</summary>
public sealed partial class GrainOutbox : IDisposable
{
    /// <summary>Calls under way at most: a fan-out to 12,500 grains takes half the time of one that is not bounded.</summary>
    private const int Window = 256;

    /// <summary>
    /// Messages that wait for one grain at most. The answers of a job's tens of thousands of members come at once, and what waits behind
    /// them, such as the end of a node's connection, nobody repeats: a limit below their number lost it, and the job waited half a minute
    /// for the answers of nodes that were known to be dead.
    /// </summary>
    private const int LimitPerGrain = 1 << 18;

    private readonly Outbox<GrainAddress, GrainMessage> outbox;

    /// <summary>Calls through this silo's grain factory.</summary>
    public GrainOutbox(IGrainFactory grains, ILogger<GrainOutbox> logger) => outbox = new Outbox<GrainAddress, GrainMessage>(
        (to, messages) => GrainCalls.Deliver(grains, to, messages),
        (to, count, why) => Lost(logger, count, to, why.Message),
        Window,
        LimitPerGrain);

    /// <summary>Queues a message. Those to one grain keep their order.</summary>
    public void Send(GrainAddress to, GrainMessage message) => outbox.Send(to, message);

    /// <inheritdoc/>
    public void Dispose() => outbox.Dispose();

    [LoggerMessage(1, LogLevel.Debug, "lost {Count} messages to {Grain}: {Why}")]
    private static partial void Lost(ILogger logger, int count, GrainAddress grain, string why);
}
