namespace Coordinator.Machines.Clusters;

/// <summary>The cooling zones, which node is in which, and what heat each has to take away.</summary>
internal sealed class CoolingZones
{
    private readonly SortedDictionary<string, CoolingZone> zones = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LoadMeter> meters = new(StringComparer.Ordinal);

    /// <summary>Looked up once for each node: patterns are compared with thousands of names.</summary>
    private readonly Dictionary<NodeId, CoolingZone?> known = [];

    /// <summary>All zones, by name.</summary>
    public IReadOnlyCollection<CoolingZone> All => zones.Values;

    /// <summary>A zone; null: there is none of that name.</summary>
    public CoolingZone? Find(string name) => zones.GetValueOrDefault(name);

    /// <summary>The zone of a node; null: it is in none.</summary>
    public CoolingZone? Of(NodeId node)
    {
        if (zones.Count == 0)
            return null;
        if (!known.TryGetValue(node, out var zone))
            known.Add(node, zone = zones.Values.FirstOrDefault(zone => zone.Holds(node)));
        return zone;
    }

    /// <summary>What draws power in a zone.</summary>
    public LoadMeter MeterOf(CoolingZone zone) => meters[zone.Name];

    /// <summary>Adds a zone, or puts it in place of the one of its name. The meters begin anew.</summary>
    public void Set(CoolingZone zone)
    {
        zones[zone.Name] = zone;
        Forget();
    }

    /// <summary>Takes a zone away. The meters begin anew.</summary>
    public void Clear(string name)
    {
        zones.Remove(name);
        Forget();
    }

    private void Forget()
    {
        known.Clear();
        meters.Clear();
        foreach (var name in zones.Keys)
            meters.Add(name, new LoadMeter());
    }
}
