namespace Coordinator.Simulator;

/// <summary>
/// Protocol testing: the shipping machines of the grains and of the ranks, in virtual time, under seeded faults. A seed decides
/// everything: size of the cluster and of the job, timings, which faults strike and when.
/// </summary>
public static class ProtocolSimulation
{
    /// <summary>Runs one seed.</summary>
    public static SimulationReport Run(ulong seed, SimulationOptions? options = null) => new ProtocolRun(seed, options ?? new SimulationOptions()).Run();

    /// <summary>Runs consecutive seeds; <paramref name="progress"/> receives each report as it comes.</summary>
    public static SimulationSummary RunMany(int seeds, ulong startSeed = 1, SimulationOptions? options = null, Action<SimulationReport>? progress = null)
    {
        options ??= new SimulationOptions();
        var started = options.Elapsed?.Invoke();
        var violations = new List<SimulationReport>();
        var faults = new SortedDictionary<string, (int Seeds, int Times)>(StringComparer.Ordinal);
        long events = 0, steps = 0, generations = 0;
        var time = TimeSpan.Zero;
        for (var i = 0; i < seeds; i++)
        {
            var report = Run(startSeed + (ulong)i, options);
            (events, steps, generations, time) = (events + report.Events, steps + report.StepsApplied, generations + report.Generations, time + report.VirtualTime);
            foreach (var (name, times) in report.Faults)
            {
                var before = faults.GetValueOrDefault(name);
                faults[name] = (before.Seeds + 1, before.Times + times);
            }

            if (!report.Passed)
                violations.Add(report);
            progress?.Invoke(report);
        }

        return new SimulationSummary
        {
            FirstSeed = startSeed,
            Seeds = seeds,
            Violations = violations,
            Faults = faults,
            Events = events,
            StepsApplied = steps,
            Generations = generations,
            VirtualTime = time,
            Elapsed = options.Elapsed?.Invoke() - started,
        };
    }
}
