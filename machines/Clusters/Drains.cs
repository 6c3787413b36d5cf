namespace Coordinator.Machines.Clusters;

/// <summary>
/// The drains in force, each with the time at which its work has to go. A gpu is drained by its own drain or by its node's; both may be
/// there, and each ends by itself.
/// </summary>
internal sealed class Drains
{
    private readonly SortedDictionary<string, Entry> entries = new(StringComparer.Ordinal);

    private sealed record Entry(Drain Drain, TimeSpan? Due, long LastOfferBefore);

    /// <summary>Whether nothing is drained.</summary>
    public bool IsEmpty => entries.Count == 0;

    /// <summary>All of them, by name of what is drained.</summary>
    public IEnumerable<Drain> All => entries.Values.Select(entry => entry.Drain);

    /// <summary>The drain of exactly this node or gpu; null: there is none.</summary>
    public Drain? Find(NodeId node, int? gpu) => entries.TryGetValue(KeyOf(node, gpu), out var entry) ? entry.Drain : null;

    /// <summary>The drain that concerns a gpu, its node's first; null: none does.</summary>
    public Drain? Of(GpuId gpu) => IsEmpty ? null : Find(gpu.Node, null) ?? Find(gpu.Node, gpu.Index);

    /// <summary>When the work of a drained gpu has to go, the sooner where two drains concern it; null: no time is set.</summary>
    public TimeSpan? DueOf(GpuId gpu)
    {
        var (node, own) = (Due(gpu.Node, null), Due(gpu.Node, gpu.Index));
        return node is null ? own : own is null || node < own ? node : own;
    }

    /// <summary>
    /// The number of the last offer that was made before the gpu was drained, the sooner where two drains concern it; null: it is not.
    /// </summary>
    public long? LastOfferBefore(GpuId gpu) => IsEmpty ? null : LastOfferBefore(gpu.Node, null) is var node
        && LastOfferBefore(gpu.Node, gpu.Index) is { } own ? Math.Min(own, node ?? own) : node;

    /// <summary>Drains, or changes what was said of a drain.</summary>
    public void Set(Drain drain, TimeSpan? due, long lastOffer) =>
        entries[KeyOf(drain.Node, drain.Gpu)] = new Entry(drain, due, LastOfferBefore(drain.Node, drain.Gpu) ?? lastOffer);

    /// <summary>Changes what is stored of a drain, and not when it is due.</summary>
    public void Note(Drain drain)
    {
        var key = KeyOf(drain.Node, drain.Gpu);
        entries[key] = entries[key] with { Drain = drain };
    }

    /// <summary>Ends a drain.</summary>
    public void Remove(Drain drain) => entries.Remove(KeyOf(drain.Node, drain.Gpu));

    private long? LastOfferBefore(NodeId node, int? gpu) =>
        entries.TryGetValue(KeyOf(node, gpu), out var entry) ? entry.LastOfferBefore : null;

    private TimeSpan? Due(NodeId node, int? gpu) => entries.TryGetValue(KeyOf(node, gpu), out var entry) ? entry.Due : null;

    private static string KeyOf(NodeId node, int? gpu) => gpu is { } index ? $"{node.Value}/{index}" : node.Value;
}
