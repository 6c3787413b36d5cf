namespace Coordinator.Simulator;

/// <summary>
/// Protocol testing: the shipping machines of the grains and of the ranks, in virtual time, under seeded faults. A seed decides
/// everything: size of the cluster and of the job, timings, which faults strike and when.
/// </summary>
public static class ProtocolSimulation
{
    /// <summary>Runs one seed.</summary>
    public static SimulationReport Run(ulong seed, SimulationOptions? options = null) =>
        new ProtocolRun(seed, options ?? new SimulationOptions()).Run();

    /// <summary>Runs consecutive seeds; <paramref name="progress"/> receives each report as it comes.</summary>
    public static SimulationSummary RunMany(
        int seeds, ulong startSeed = 1, SimulationOptions? options = null, Action<SimulationReport>? progress = null)
    {
        options ??= new SimulationOptions();
        var started = options.Elapsed?.Invoke();
        var summary = new SimulationSummary { FirstSeed = startSeed };
        for (var i = 0; i < seeds; i++)
        {
            var report = Run(startSeed + (ulong)i, options);
            summary.Add(report);
            progress?.Invoke(report);
        }

        summary.Elapsed = options.Elapsed?.Invoke() - started;
        return summary;
    }
}
