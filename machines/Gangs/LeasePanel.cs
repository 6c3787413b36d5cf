namespace Coordinator.Machines.Gangs;

/// <summary>
/// The agents of whom a majority keeps a gang alive while no silo is heard: all of them where they are few, else 31 that are spread evenly,
/// so that everybody has as many to ask whatever the gang's size.
/// </summary>
public static class LeasePanel
{
    /// <summary>Most agents of a panel.</summary>
    public const int Most = 31;

    /// <summary>Indexes of the panel's nodes, rising.</summary>
    public static IReadOnlyList<int> Of(int nodes) => nodes <= Most
        ? [.. Enumerable.Range(0, nodes)]
        : [.. Enumerable.Range(0, Most).Select(seat => (int)((long)seat * nodes / Most))];

    /// <summary>How many of a panel are more than half.</summary>
    public static int Majority(int panel) => (panel / 2) + 1;
}
