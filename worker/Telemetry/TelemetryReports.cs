using Coordinator.Machines;

namespace Coordinator.Worker.Telemetry;

/// <summary>
/// Which readings are worth saying. Idle case: values that only wander are said four times a minute at most, and not at all while they
/// stay.
/// Bursty case: an error is said at once, and kept until there is a silo that hears it.
/// </summary>
public sealed class TelemetryReports
{
    private static readonly TimeSpan CalmPeriod = TimeSpan.FromSeconds(15);

    private readonly SortedDictionary<int, GpuReading> told = [];
    private readonly SortedDictionary<int, List<int>> unsaidXids = [];
    private TimeSpan toldAt = TimeSpan.MinValue;
    private bool wasConnected;

    /// <summary>What to say now; null: nothing. What is returned counts as said.</summary>
    /// <param name="now">Monotonic time.</param>
    /// <param name="connected">Whether a silo would hear it.</param>
    /// <param name="readings">Of all gpus with telemetry.</param>
    public GpusMeasured? Take(TimeSpan now, bool connected, IReadOnlyList<GpuReading> readings)
    {
        foreach (var reading in readings.Where(reading => reading.Xids.Count > 0))
        {
            if (!unsaidXids.TryGetValue(reading.Index, out var unsaid))
                unsaidXids[reading.Index] = unsaid = [];
            unsaid.AddRange(reading.Xids);
        }

        var reached = connected && !wasConnected;
        wasConnected = connected;
        if (!connected || readings.Count == 0)
            return null;
        var urgent = reached || unsaidXids.Count > 0 || readings.Any(IsNews);
        if (!urgent && (now < toldAt + CalmPeriod || !readings.Any(HasWandered)))
            return null;
        toldAt = now;
        GpuReading[] said =
        [
            .. readings.Select(reading => reading with { Xids = unsaidXids.TryGetValue(reading.Index, out var xids) ? xids : [] })
        ];
        unsaidXids.Clear();
        foreach (var reading in said)
            told[reading.Index] = reading;
        return new GpusMeasured(said);
    }

    private bool IsNews(GpuReading reading) => !told.TryGetValue(reading.Index, out var before)
        || reading.RecoveryAction != before.RecoveryAction || reading.UncorrectedEcc != before.UncorrectedEcc
            || reading.HostBoot != before.HostBoot;

    private bool HasWandered(GpuReading reading)
    {
        var before = told[reading.Index];
        return Apart(reading.TemperatureC, before.TemperatureC, 2) || Apart(reading.PowerWatts, before.PowerWatts, 10)
            || Apart(reading.MemoryUsedBytes, before.MemoryUsedBytes, 64 << 20);
    }

    private static bool Apart(double? a, double? b, double by) => a is null != b is null || Math.Abs((a ?? 0) - (b ?? 0)) >= by;
}
