namespace Coordinator.Planning.Simulation;

/// <summary>
/// Nodes that are spare, and nodes in repair. A rank that lost nodes is whole again once as many others are there, which the longest
/// waiting for whom they suffice gets.
/// </summary>
internal sealed class RepairShop(FleetSpec fleet)
{
    /// <summary>By the end of the repair: whether the node failed itself.</summary>
    private readonly PriorityQueue<bool, double> inRepair = new();
    private readonly List<int> inRepairWhenStruck = [];
    private readonly List<(int Rank, int Nodes)> waiting = [];
    private int spares = fleet.Spares;
    private int own;

    /// <summary>Most nodes that were in repair at once.</summary>
    public int Most { get; private set; }

    /// <summary>
    /// Nodes in repair that were exceeded in the remaining share of the failures only. Those that went with a part they share do not count:
    /// nobody buys a second zone of nodes for them, and they come back with the part.
    /// </summary>
    public int Wanted(double quantile)
    {
        if (inRepairWhenStruck.Count == 0)
            return 0;
        inRepairWhenStruck.Sort();
        return inRepairWhenStruck[Math.Min(inRepairWhenStruck.Count - 1, (int)(quantile * inRepairWhenStruck.Count))];
    }

    /// <summary>When the next repaired node is there; null: none is in repair.</summary>
    public double? NextRepaired => inRepair.TryPeek(out _, out var at) ? at : null;

    /// <summary>
    /// Nodes of a rank have failed. Whether others are at hand; else the rank waits until <see cref="Repaired"/> names it.
    /// </summary>
    public bool Replace(double at, int rank, int nodes, Failure failure)
    {
        for (var i = 0; i < nodes; i++)
            inRepair.Enqueue(!failure.Cause.IsShared, at + failure.RepairSeconds);
        Most = Math.Max(Most, inRepair.Count);
        if (!failure.Cause.IsShared)
            own += nodes;
        inRepairWhenStruck.Add(own);
        if (spares >= nodes)
        {
            spares -= nodes;
            return true;
        }

        waiting.Add((rank, nodes));
        return false;
    }

    /// <summary>The next node is repaired. The rank that is whole with it, if there is one.</summary>
    public int? Repaired()
    {
        if (inRepair.Dequeue())
            own--;
        spares++;
        var next = waiting.FindIndex(rank => rank.Nodes <= spares);
        if (next < 0)
            return null;
        var (whole, nodes) = waiting[next];
        waiting.RemoveAt(next);
        spares -= nodes;
        return whole;
    }
}
