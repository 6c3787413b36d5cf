namespace Coordinator.Simulator.Planning;

/// <summary>What failures do to a training.</summary>
internal interface IRecoveryPolicy
{
    /// <summary>Ranks have failed.</summary>
    void Failed(double at, IReadOnlyList<int> ranks, FailureCause cause);

    /// <summary>A rank's processes run again, with nothing in memory.</summary>
    void Returned(double at, int rank);

    /// <summary>The time is over.</summary>
    void End(double at);

    /// <summary>The account.</summary>
    FleetReport Report(FleetRun run, double days);
}
