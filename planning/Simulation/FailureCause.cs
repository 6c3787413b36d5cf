namespace Coordinator.Planning.Simulation;

/// <summary>What brings a node back.</summary>
public enum Remedy
{
    /// <summary>The process starts again on the same node.</summary>
    Restart,

    /// <summary>Another node takes its place; this one is repaired and becomes a spare.</summary>
    Replace,
}

/// <summary>Something that stops nodes of a cluster.</summary>
/// <param name="Name">As operators call it.</param>
/// <param name="PerThousandNodeDays">How often, for 1,000 nodes and a day.</param>
/// <param name="Remedy">What brings them back.</param>
/// <param name="RepairHours">Mean hours until a replaced node is a spare again; exponential.</param>
/// <param name="Nodes">Nodes that go together, since they share what failed: neighbours by number.</param>
/// <param name="IsShared">Whether those are the nodes of one part (0 to n - 1, n to 2n - 1 and so on); else they begin anywhere.</param>
public sealed record FailureCause(
    string Name, double PerThousandNodeDays, Remedy Remedy, double RepairHours = 0, int Nodes = 1, bool IsShared = false);

/// <summary>Rates of published records.</summary>
public static class FailureRates
{
    /// <summary>
    /// Llama 3 405B (Meta 2024, table 5): unexpected interruptions of 2,048 nodes of 8 H100 in 54 days, 419 in all. Counts are the
    /// source's; remedies and repair times are assumed.
    /// </summary>
    public static IReadOnlyList<(string Name, int Count, Remedy Remedy, double RepairHours)> Llama3Counts { get; } =
    [
        ("Faulty GPU", 148, Remedy.Replace, 24), ("GPU HBM3 memory", 72, Remedy.Replace, 24), ("Software bug", 54, Remedy.Restart, 0),
        ("Network switch/cable", 35, Remedy.Replace, 6), ("Host maintenance (unplanned)", 32, Remedy.Replace, 4),
        ("GPU SRAM memory", 19, Remedy.Replace, 24),
        ("GPU system processor", 17, Remedy.Replace, 24), ("NIC", 7, Remedy.Replace, 12), ("NCCL watchdog timeout", 7, Remedy.Restart, 0),
        ("Silent data corruption", 6, Remedy.Replace, 48), ("GPU thermal/sensor", 6, Remedy.Replace, 12), ("SSD", 3, Remedy.Replace, 12),
        ("Power supply", 3, Remedy.Replace, 12), ("Server chassis", 2, Remedy.Replace, 48), ("IO expansion board", 2, Remedy.Replace, 24),
        ("Dependency", 2, Remedy.Restart, 0), ("CPU", 2, Remedy.Replace, 24), ("System memory", 2, Remedy.Replace, 24),
    ];

    /// <summary>Node-days of that record.</summary>
    public const double Llama3NodeDays = 2048 * 54;

    /// <summary>Those counts as rates.</summary>
    public static IReadOnlyList<FailureCause> Llama3 { get; } =
        [.. Llama3Counts.Select(row => new FailureCause(row.Name, row.Count * 1000 / Llama3NodeDays, row.Remedy, row.RepairHours))];
}
