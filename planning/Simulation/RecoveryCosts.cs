namespace Coordinator.Planning.Simulation;

/// <summary>Times of recovery: derived from what <c>bench</c> measured where the word says so, else assumed and to be given.</summary>
public sealed record RecoveryCosts
{
    /// <summary>
    /// Until survivors see that a process is gone: its connections close. Derived from <c>bench recovery</c>: the medians with and without
    /// it are 101 and 69 ms.
    /// </summary>
    public double DetectSeconds { get; init; } = 0.03;

    /// <summary>Until survivors see that a whole node is gone: the peer timeout (<c>fault_tolerance.peer_timeout</c>).</summary>
    public double NodeDetectSeconds { get; init; } = 2;

    /// <summary>
    /// From there to the next step, whatever the number of ranks, beside the messages: connections, plans, what is left of a step. Derived
    /// from <c>bench recovery</c>: 69 ms with four ranks.
    /// </summary>
    public double FixedSeconds { get; init; } = 0.069;

    /// <summary>One way of a message between silo and node, seconds. Assumed: a data centre's network.</summary>
    public double MessageSeconds { get; init; } = 0.000_5;

    /// <summary>
    /// Silo's time for a message, seconds. Derived from <c>bench ranks</c>: 1.6 s from a kill to the next step with 4,096 ranks, some 6
    /// messages for each, all on two cores.
    /// </summary>
    public double HandleSeconds { get; init; } = 0.000_06;

    /// <summary>From a process's start until it can take a plan, seconds. Assumed: runtime, device and program.</summary>
    public double ProcessStartSeconds { get; init; } = 60;

    /// <summary>
    /// Until another node stands in for one that failed, seconds, before its process starts. Assumed: health check and images at hand.
    /// </summary>
    public double ReplaceSeconds { get; init; } = 120;

    /// <summary>Bytes a second of a node's copy from device memory aside. Assumed: eight PCIe links.</summary>
    public double SnapshotBytesPerSecond { get; init; } = 200e9;

    /// <summary>
    /// Restart of a whole job without a coordinator, from death to the first step, beside reading the checkpoint. Published [S] for 16k,
    /// 22k, 64k and 98k GPUs.
    /// </summary>
    public static double ColdRestartSeconds(long gpus)
    {
        ReadOnlySpan<(long Gpus, double Seconds)> points = [(0, 60), (16_384, 200), (22_000, 300), (64_000, 600), (98_000, 900)];
        for (var i = 1; i < points.Length; i++)
        {
            if (gpus <= points[i].Gpus)
            {
                return points[i - 1].Seconds + (
                    (points[i].Seconds - points[i - 1].Seconds) * (gpus - points[i - 1].Gpus) / (points[i].Gpus - points[i - 1].Gpus));
            }
        }

        // Beyond what was published, in proportion.
        return 900 * gpus / 98_000.0;
    }
}
