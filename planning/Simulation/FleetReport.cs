using static Coordinator.Planning.Simulation.GoodputLedger;

namespace Coordinator.Planning.Simulation;

/// <summary>What a policy made of a cluster's failures.</summary>
public sealed record FleetReport
{
    /// <summary>Whose policy.</summary>
    public required string Policy { get; init; }

    /// <summary>What it does to the mathematics of the training, in a few words.</summary>
    public required string Exactness { get; init; }

    /// <summary>The cluster.</summary>
    public required FleetSpec Fleet { get; init; }

    /// <summary>Simulated days.</summary>
    public required double Days { get; init; }

    /// <summary>The failures that struck the job, in the order of time.</summary>
    public required IReadOnlyList<Failure> Strikes { get; init; }

    /// <summary>Failures that struck the job.</summary>
    public int Failures => Strikes.Count;

    /// <summary>Where the time went.</summary>
    public required GoodputLedger Ledger { get; init; }

    /// <summary>What the job did when.</summary>
    public required IReadOnlyList<Stretch> Timeline { get; init; }

    /// <summary>Steps that stay.</summary>
    public required double Steps { get; init; }

    /// <summary>Steps that had to be computed again, or were thrown away.</summary>
    public required double StepsAgain { get; init; }

    /// <summary>Times from a failure until training went on, in seconds, ascending.</summary>
    public required IReadOnlyList<double> Recoveries { get; init; }

    /// <summary>Most nodes that were in repair at once.</summary>
    public required int MostInRepair { get; init; }

    /// <summary>
    /// Nodes in repair that were exceeded in one percent of the failures only, without those that went with a part they share: the spares
    /// to buy.
    /// </summary>
    public required int SparesWanted { get; init; }

    /// <summary>Time between checkpoints at the end, seconds.</summary>
    public required double CheckpointInterval { get; init; }

    /// <summary>Ranks that stand there at the end.</summary>
    public required int RanksAtTheEnd { get; init; }

    /// <summary>Energy of the simulated days, MWh: all ranks with power at their full draw, whether they train or wait.</summary>
    public required double MegawattHoursSpent { get; init; }

    /// <summary>Draw at the end, megawatts.</summary>
    public required double PeakMegawatts { get; init; }

    /// <summary>Generations that the shipping machine formed; 0 for policies of others.</summary>
    public int Generations { get; init; }

    /// <summary>Share of the time in which training got on at the pace of all ranks that stood there.</summary>
    public double Goodput => Ledger.Share(Loss.Productive);

    /// <summary>
    /// Days later than on hardware that never fails and has its power, which grows alike, for the same steps: what was lost is made up for
    /// at the end's size and at the goodput of ranks with power.
    /// </summary>
    public double DaysLate => (Ledger.Total - Ledger.Of(Loss.Productive)) / (86_400 * RanksAtTheEnd * PoweredGoodput);

    /// <summary>Energy until the work of the simulated days is done, MWh.</summary>
    public double MegawattHours => MegawattHoursSpent + (DaysLate * 24 * PeakMegawatts);

    private double PoweredGoodput => Goodput / (1 - Ledger.Share(Loss.Unpowered));

    /// <summary>A quantile of the recoveries; 0 without any.</summary>
    public double Recovery(double quantile) =>
        Recoveries.Count == 0 ? 0 : Recoveries[Math.Min(Recoveries.Count - 1, (int)(quantile * Recoveries.Count))];
}
