namespace Coordinator.Server.Gateway;

/// <summary>Limits of the worker gateway.</summary>
public sealed record GatewayOptions
{
    /// <summary>Longest frame taken from a worker, bytes. At least 1 KiB; a longer one closes its connection.</summary>
    public int MaxFrameBytes { get; init; } = 1 << 20;

    /// <summary>Time a connection has for its hello. Above zero.</summary>
    public TimeSpan HelloTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Further messages that may wait for each gpu of the worker: a generation's orders, and their repetitions.</summary>
    public const int QueuedMessagesPerGpu = 16;

    /// <summary>
    /// Messages that may wait to be sent to one worker, beside <see cref="QueuedMessagesPerGpu"/>; one more closes its connection, and it
    /// comes back with a new one. At least 1.
    /// </summary>
    public int MaxQueuedMessages { get; init; } = 4096;

    /// <summary>
    /// Longest time between two heartbeats of a connection that reach its node's grain, with however many connections. A grain takes five
    /// seconds of silence for death: where it may live in another process than the connection, it needs two of them for itself.
    /// </summary>
    public TimeSpan LongestHeartbeatSpacing { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Time a peer has to answer a close before its connection is cut. Above zero.</summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(1);
}
