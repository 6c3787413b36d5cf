namespace Coordinator.Machines.Ledger;

/// <summary>
/// The ideal step time by number of ranks: the mean of the steps at or under the median and three median absolute deviations. Fewer ranks
/// compute longer, and that is no one's slowness.
/// </summary>
internal sealed class IdealSteps
{
    private readonly Dictionary<long, (double Mean, double Limit)> byRanks = [];

    /// <summary>Of all runs, with their numbers of ranks.</summary>
    public IdealSteps(IEnumerable<(StepRun Run, long Ranks)> runs)
    {
        foreach (var group in runs.GroupBy(run => run.Ranks, run => run.Run))
        {
            double[] durations = [.. group.SelectMany(run => run.Durations).Order()];
            if (durations.Length == 0)
                continue;
            var median = Middle(durations);
            double[] deviations = [.. durations.Select(duration => Math.Abs(duration - median)).Order()];
            var limit = median + (3 * Middle(deviations));
            byRanks[group.Key] = (durations.TakeWhile(duration => duration <= limit).Average(), limit);
        }
    }

    /// <summary>Ideal step time with so many ranks, s; null: none was timed.</summary>
    public double? Of(long ranks) => byRanks.TryGetValue(ranks, out var known) ? known.Mean : null;

    /// <summary>How much longer a step took than the ideal, s; nothing where it is one of those that the ideal is the mean of.</summary>
    public double Excess(long ranks, double duration) =>
        byRanks.TryGetValue(ranks, out var known) && duration > known.Limit ? duration - known.Mean : 0;

    private static double Middle(double[] sorted) =>
        (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
}
