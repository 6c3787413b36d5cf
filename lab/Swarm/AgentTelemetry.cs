using Coordinator.Machines;
using Coordinator.Runs.Faults;
using Coordinator.Worker.Telemetry;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// Readings of gpus under load, drawn from a seed, and of them what a worker finds worth saying: temperature and power wander, and
/// <see cref="TelemetryReports"/>, the worker's own, lets that through every 15 s.
/// </summary>
internal sealed class AgentTelemetry(int gpus, ulong seed)
{
    /// <summary>Memory of the gpus, bytes.</summary>
    private const long Memory = 80L << 30;

    private readonly TelemetryReports reports = new();
    private readonly SeededDraw draw = new(seed);

    /// <summary>Reads all gpus.</summary>
    /// <param name="now">Monotonic time.</param>
    /// <param name="connected">Whether a silo would hear it.</param>
    /// <returns>What is to be said; null: nothing.</returns>
    public GpusMeasured? Read(TimeSpan now, bool connected) => reports.Take(now, connected, [.. Enumerable.Range(0, gpus).Select(Reading)]);

    private GpuReading Reading(int index) => new()
    {
        Index = index,
        TemperatureC = 58 + draw.Below(12),
        PowerWatts = 620 + draw.Below(80),
        MemoryUsedBytes = Memory - (4L << 30),
        MemoryTotalBytes = Memory,
        UncorrectedEcc = 0,
        RecoveryAction = 0,
    };
}
