namespace Coordinator.Tests.Processes.Chaos;

/// <summary>Clusters that suffer run one after the other, and beside nothing else: they need the machine's cores.</summary>
[CollectionDefinition("chaos", DisableParallelization = true)]
public static class ChaosRuns
{
    /// <summary>How long a run may take, on a machine that has much else to do.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
}
