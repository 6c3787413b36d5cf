namespace Coordinator.Planning.Simulation;

/// <summary>A cluster for some days, under each policy, with the same failures.</summary>
public static class FleetSimulation
{
    /// <summary>Names of the policies.</summary>
    public static IReadOnlyList<string> Policies { get; } = ["coordinator", "restart", "drop"];

    /// <summary>Runs one policy.</summary>
    /// <param name="fleet">The cluster; one without <see cref="FleetSpec.Problems"/>.</param>
    /// <param name="days">How long.</param>
    /// <param name="seed">Seed of the failures.</param>
    /// <param name="policy">One of <see cref="Policies"/>.</param>
    /// <param name="progress">Hears the simulated day about once a day.</param>
    /// <param name="sampled">What generations of this cluster cost; null: the shipping machines form every one of them.</param>
    public static FleetReport Run(
        FleetSpec fleet, double days, ulong seed, string policy, Action<double>? progress = null, GenerationTable? sampled = null)
    {
        FleetRun run = new(fleet, FailureTrace.Draw(fleet.AllCauses, fleet.AllNodes, days, seed));
        IRecoveryPolicy chosen = policy switch
        {
            "coordinator" => new CoordinatorPolicy(
                fleet,
                run.Start,
                sampled is null ? new MachineJob(fleet, run.Start.Powered) : new SampledJob(fleet, run.Start.Powered, sampled)),
            "restart" => new RestartEverybodyPolicy(fleet, run.Start),
            "drop" => new DropStepPolicy(fleet, run.Start),
            _ => throw new ArgumentOutOfRangeException(nameof(policy), policy, $"must be {string.Join(", ", Policies)}"),
        };
        run.Run(chosen, days, progress);
        return chosen.Report(run, days);
    }
}
