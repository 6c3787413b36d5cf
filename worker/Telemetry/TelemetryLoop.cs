using Coordinator.Machines;
using Coordinator.Worker.Agent;

namespace Coordinator.Worker.Telemetry;

/// <summary>
/// Reads all gpus every <see cref="WorkerOptions.TelemetryPeriod"/>, on a thread of the pool that computes nothing, and says what is worth
/// it.
/// </summary>
internal static class TelemetryLoop
{
    /// <summary>Runs until it is cancelled. A vendor's library that throws ends it with a warning; training does not notice.</summary>
    public static async Task RunAsync(
        WorkerOptions options,
        IGpuTelemetry telemetry,
        Func<bool> connected,
        Action<WorkerMessage> tell,
        IWorkerLog log,
        CancellationToken cancel)
    {
        var reports = new TelemetryReports();
        using var timer = new PeriodicTimer(options.TelemetryPeriod);
        try
        {
            do
            {
                GpuReading[] readings = [.. options.Gpus.Select(telemetry.Read).OfType<GpuReading>()];
                if (reports.Take(Monotonic.Now, connected(), readings) is { } report)
                    tell(report);
            }
            while (await timer.WaitForNextTickAsync(cancel).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // The worker ends.
        }
        catch (Exception e)
        {
            log.Warn($"telemetry of the gpus ended: {e.Message}");
        }
    }
}
