namespace Coordinator.Simulator.Planning;

/// <summary>
/// Nodes that are spare, and nodes in repair. A rank that lost nodes is whole again once as many others are there, which the longest waiting
/// gets first.
/// </summary>
internal sealed class RepairShop(FleetSpec fleet)
{
    private readonly PriorityQueue<double, double> inRepair = new();
    private readonly List<int> inRepairWhenStruck = [];
    private readonly Queue<(int Rank, int Nodes)> waiting = new();
    private int spares = fleet.Spares;

    /// <summary>Most nodes that were in repair at once.</summary>
    public int Most { get; private set; }

    /// <summary>Nodes in repair that were exceeded in the remaining share of the failures only.</summary>
    public int Wanted(double quantile)
    {
        if (inRepairWhenStruck.Count == 0)
            return 0;
        inRepairWhenStruck.Sort();
        return inRepairWhenStruck[Math.Min(inRepairWhenStruck.Count - 1, (int)(quantile * inRepairWhenStruck.Count))];
    }

    /// <summary>When the next repaired node is there; null: none is in repair.</summary>
    public double? NextRepaired => inRepair.TryPeek(out _, out var at) ? at : null;

    /// <summary>Nodes of a rank have failed. Whether others are at hand; else the rank waits until <see cref="Repaired"/> names it.</summary>
    public bool Replace(double at, int rank, int nodes, double repairSeconds)
    {
        for (var i = 0; i < nodes; i++)
            inRepair.Enqueue(at + repairSeconds, at + repairSeconds);
        Most = Math.Max(Most, inRepair.Count);
        inRepairWhenStruck.Add(inRepair.Count);
        if (waiting.Count == 0 && spares >= nodes)
        {
            spares -= nodes;
            return true;
        }

        waiting.Enqueue((rank, nodes));
        return false;
    }

    /// <summary>The next node is repaired. The rank that is whole with it, if there is one.</summary>
    public int? Repaired()
    {
        inRepair.Dequeue();
        spares++;
        if (waiting.Count == 0 || waiting.Peek().Nodes > spares)
            return null;
        var (rank, nodes) = waiting.Dequeue();
        spares -= nodes;
        return rank;
    }
}
