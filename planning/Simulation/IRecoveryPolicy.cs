namespace Coordinator.Planning.Simulation;

/// <summary>What failures do to a training.</summary>
internal interface IRecoveryPolicy
{
    /// <summary>Ranks have failed.</summary>
    void Failed(double at, IReadOnlyList<int> ranks, FailureCause cause);

    /// <summary>Ranks' processes run, with nothing in memory: again, or for the first time.</summary>
    void Returned(double at, IReadOnlyList<int> ranks);

    /// <summary>
    /// The cluster has another size. Ranks that have power since follow by <see cref="Returned"/>, as soon as their processes run.
    /// </summary>
    void Resized(double at, FleetSize size);

    /// <summary>The time is over.</summary>
    void End(double at);

    /// <summary>The account.</summary>
    FleetReport Report(FleetRun run, double days);
}
