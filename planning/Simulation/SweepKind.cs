namespace Coordinator.Planning.Simulation;

/// <summary>What a sweep varies.</summary>
public enum SweepKind
{
    /// <summary>Nodes, with spares, growth and power in proportion; the step's time stays, so the batch grows along.</summary>
    Size,

    /// <summary>Mean time between failures: all rates alike.</summary>
    Mtbf,

    /// <summary>Spare nodes.</summary>
    Spares,

    /// <summary>Time between checkpoints.</summary>
    Interval,
}
