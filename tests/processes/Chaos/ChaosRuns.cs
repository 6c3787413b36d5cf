namespace Coordinator.Tests.Processes.Chaos;

/// <summary>What the tests share whose clusters suffer.</summary>
public static class ChaosRuns
{
    /// <summary>How long a run may take, on a machine that has much else to do.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
}
