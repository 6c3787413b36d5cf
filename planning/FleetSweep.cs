using System.Collections.Concurrent;
using Coordinator.Planning.Simulation;

namespace Coordinator.Planning;

/// <summary>A sweep's clusters with what the policies made of each.</summary>
/// <param name="Kind">What was varied.</param>
/// <param name="Days">Simulated days of each point.</param>
/// <param name="Points">Ascending; reports in the order of the policies.</param>
internal sealed record FleetSweep(SweepKind Kind, double Days, IReadOnlyList<(double X, IReadOnlyList<FleetReport> Reports)> Points)
{
    /// <summary>
    /// Runs sweeps around a cluster, points side by side. Generations take as long as those of which the shipping machines form some for
    /// each size (<see cref="GenerationTable"/>): forming each of them would take an hour.
    /// </summary>
    /// <param name="fleet">The cluster in the middle.</param>
    /// <param name="days">Days of each point.</param>
    /// <param name="seed">Seed of the failures.</param>
    /// <param name="policies">Names of the policies.</param>
    /// <param name="kinds">What to vary.</param>
    /// <param name="checkpointSeconds">The cluster's time between checkpoints.</param>
    /// <param name="progress">Hears the share that is done; from several threads.</param>
    public static IReadOnlyList<FleetSweep> Run(
        FleetSpec fleet,
        double days,
        ulong seed,
        IReadOnlyList<string> policies,
        IReadOnlyList<SweepKind> kinds,
        double checkpointSeconds,
        Action<double>? progress = null)
    {
        var tables = new ConcurrentDictionary<(int Nodes, int Ranks), Lazy<GenerationTable>>();
        var points = kinds.SelectMany(kind => SweepPoint.Around(fleet, kind, checkpointSeconds).Select(point => (Kind: kind, Point: point)))
            .ToArray();
        var done = 0;
        var ran = points.AsParallel().AsOrdered().WithDegreeOfParallelism(
            Math.Clamp(Environment.ProcessorCount, 1, 64)).WithMergeOptions(ParallelMergeOptions.NotBuffered).Select(entry =>
        {
            var reports = policies.Select(policy => FleetSimulation.Run(
                entry.Point.Fleet, days, seed, policy, sampled: policy == "coordinator" ? Table(entry.Point.Fleet) : null)).ToArray();
            progress?.Invoke((double)Interlocked.Increment(ref done) / points.Length);
            return (entry.Kind, entry.Point.X, Reports: (IReadOnlyList<FleetReport>)reports);
        }).ToArray();
        return [.. kinds.Select(kind => new FleetSweep(
            kind,
            days,
            [.. ran.Where(point => point.Kind == kind).Select(point => (point.X, point.Reports))])).Where(sweep => sweep.Points.Count > 1)];

        GenerationTable Table(FleetSpec of) =>
            tables.GetOrAdd((of.Nodes, of.Ranks), _ => new Lazy<GenerationTable>(() => GenerationTable.Of(of))).Value;
    }

    /// <summary>What is varied, with its unit.</summary>
    public string Axis => Kind switch
    {
        SweepKind.Size => "accelerators",
        SweepKind.Mtbf => "minutes between failures",
        SweepKind.Spares => "spare nodes",
        _ => "minutes between checkpoints",
    };
}
