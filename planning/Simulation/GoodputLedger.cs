namespace Coordinator.Planning.Simulation;

/// <summary>
/// Where the time of all ranks went, in rank-seconds. Names are those of Google's ml-goodput-measurement, with one of our own for ranks
/// that are missing while the others train, and one for ranks without power. Everything booked adds up to the ranks that stand there times
/// the time.
/// </summary>
public sealed class GoodputLedger
{
    private readonly double[] seconds = new double[Enum.GetValues<Loss>().Length];

    /// <summary>What became of a rank-second.</summary>
    public enum Loss
    {
        /// <summary>It trained: steps that stay, at the pace of all ranks.</summary>
        Productive,

        /// <summary>Shards that the dead had computed, or steps since a checkpoint, computed again or thrown away.</summary>
        WastedProgress,

        /// <summary>Ranks that waited until training went on.</summary>
        InfrastructureRecovery,

        /// <summary>Waiting for a copy of the state to be made.</summary>
        CheckpointSave,

        /// <summary>Reading a checkpoint.</summary>
        CheckpointRestore,

        /// <summary>Ranks that were missing while the others trained, and what the uneven division of shards cost.</summary>
        MissingRanks,

        /// <summary>Ranks that stand there and may not draw power yet.</summary>
        Unpowered,
    }

    /// <summary>Adds rank-seconds.</summary>
    public void Book(Loss kind, double rankSeconds)
    {
        if (!(rankSeconds >= -1e-6))
            throw new ArgumentOutOfRangeException(nameof(rankSeconds), rankSeconds, "time does not run backwards");
        seconds[(int)kind] += rankSeconds;
    }

    /// <summary>What was booked as one kind turns out to be another.</summary>
    public void Move(Loss from, Loss to, double rankSeconds)
    {
        seconds[(int)from] -= rankSeconds;
        Book(to, rankSeconds);
    }

    /// <summary>Rank-seconds of a kind.</summary>
    public double Of(Loss kind) => seconds[(int)kind];

    /// <summary>All rank-seconds.</summary>
    public double Total => seconds.Sum();

    /// <summary>A kind's share of all.</summary>
    public double Share(Loss kind) => Total == 0 ? 0 : Of(kind) / Total;
}
