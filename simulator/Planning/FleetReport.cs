namespace Coordinator.Simulator.Planning;

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

    /// <summary>Failures that struck the job.</summary>
    public required int Failures { get; init; }

    /// <summary>Where the time went.</summary>
    public required GoodputLedger Ledger { get; init; }

    /// <summary>Steps that stay.</summary>
    public required double Steps { get; init; }

    /// <summary>Steps that had to be computed again, or were thrown away.</summary>
    public required double StepsAgain { get; init; }

    /// <summary>Times from a failure until training went on, in seconds, ascending.</summary>
    public required IReadOnlyList<double> Recoveries { get; init; }

    /// <summary>Most nodes that were in repair at once.</summary>
    public required int MostInRepair { get; init; }

    /// <summary>Nodes in repair that were exceeded in one percent of the failures only: the spares to buy.</summary>
    public required int SparesWanted { get; init; }

    /// <summary>Time between checkpoints at the end, seconds.</summary>
    public required double CheckpointInterval { get; init; }

    /// <summary>Generations that the shipping machine formed; 0 for policies of others.</summary>
    public int Generations { get; init; }

    /// <summary>Share of the time in which training got on at full pace.</summary>
    public double Goodput => Ledger.Share(GoodputLedger.Loss.Productive);

    /// <summary>Days later than on hardware that never fails, for the same steps.</summary>
    public double DaysLate => Days * ((1 / Goodput) - 1);

    /// <summary>Energy of the accelerators, MWh.</summary>
    public double MegawattHours => Fleet.Gpus * Fleet.WattsPerGpu * Days * 24 / 1e6;

    /// <summary>A quantile of the recoveries; 0 without any.</summary>
    public double Recovery(double quantile) => Recoveries.Count == 0 ? 0 : Recoveries[Math.Min(Recoveries.Count - 1, (int)(quantile * Recoveries.Count))];
}
