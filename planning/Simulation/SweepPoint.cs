namespace Coordinator.Planning.Simulation;

/// <summary>A cluster of a sweep.</summary>
/// <param name="X">What is varied: accelerators, minutes between failures, spare nodes, or minutes between checkpoints.</param>
/// <param name="Fleet">The cluster.</param>
public sealed record SweepPoint(double X, FleetSpec Fleet)
{
    private static readonly double[] Factors = [0.25, 0.5, 1, 2, 4];

    private static readonly double[] SizeFactors = [0.125, 0.25, 0.5, 1, 2];

    private static readonly double[] SpareFactors = [0, 0.25, 0.5, 1, 2];

    /// <summary>The clusters of a sweep around one, ascending, without those that cannot be.</summary>
    /// <param name="fleet">The one in the middle.</param>
    /// <param name="kind">What is varied.</param>
    /// <param name="checkpointSeconds">Its time between checkpoints.</param>
    public static IReadOnlyList<SweepPoint> Around(FleetSpec fleet, SweepKind kind, double checkpointSeconds)
    {
        var points = kind switch
        {
            SweepKind.Size => SizeFactors.Select(factor => Scaled(fleet, factor)).Select(scaled => new SweepPoint(scaled.Gpus, scaled)),
            SweepKind.Mtbf when FailuresADay(fleet) > 0 =>
                Factors.Select(factor => new SweepPoint(factor * 1440 / FailuresADay(fleet), Rarer(fleet, factor))),
            SweepKind.Mtbf => [],
            SweepKind.Spares => SpareFactors.Select(factor => (int)(factor * Math.Max(4, fleet.Spares))).Select(
                spares => new SweepPoint(spares, fleet with { Spares = spares })),
            SweepKind.Interval => Factors.Select(
                factor => new SweepPoint(factor * checkpointSeconds / 60, fleet with { CheckpointSeconds = factor * checkpointSeconds })),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "is no sweep"),
        };
        return [.. points.Where(point => !point.Fleet.Problems().Any()).DistinctBy(point => point.X)];
    }

    /// <summary>Failures that are expected in a day with all nodes.</summary>
    private static double FailuresADay(FleetSpec fleet) => fleet.AllCauses.Sum(cause => cause.PerThousandNodeDays) * fleet.AllNodes / 1000;

    private static FleetSpec Rarer(FleetSpec fleet, double factor) => fleet with
    {
        Causes = [.. fleet.Causes.Select(cause => cause with { PerThousandNodeDays = cause.PerThousandNodeDays / factor })],
        Shared = [.. fleet.Shared.Select(part => part with { FailuresPerYear = part.FailuresPerYear / factor })],
    };

    /// <summary>A cluster of another size, of whole ranks; shared parts are as large as they were, or half of what is left.</summary>
    private static FleetSpec Scaled(FleetSpec fleet, double factor)
    {
        var nodes = Nodes(fleet.Nodes);
        return fleet with
        {
            Nodes = nodes,
            Spares = (int)Math.Ceiling(fleet.Spares * factor),
            Growth = [.. fleet.Growth.Select(tranche => tranche with { Nodes = Nodes(tranche.Nodes) })],
            Shared = [.. fleet.Shared.Select(part => part with { Nodes = Math.Min(part.Nodes, nodes / 2) })],
            Power = fleet.Power with
            {
                SiteCapMegawatts = fleet.Power.SiteCapMegawatts * factor,
                ApprovalLineMegawatts = fleet.Power.ApprovalLineMegawatts * factor,
                RampMegawattsPerMinute = fleet.Power.RampMegawattsPerMinute * factor,
            },
        };

        int Nodes(int of) => Math.Max(1, (int)Math.Round(factor * of / fleet.NodesPerRank)) * fleet.NodesPerRank;
    }
}
