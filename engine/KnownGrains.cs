using Coordinator.Machines;

namespace Coordinator.Engine;

/// <summary>The grains that exist, by kind, to be read from any thread. Grains are only ever added.</summary>
internal sealed class KnownGrains
{
    private readonly Lock gate = new();
    private readonly HashSet<GrainAddress> all = [];
    private readonly Dictionary<GrainKind, List<GrainAddress>> added = [];
    private readonly Dictionary<GrainKind, GrainAddress[]> sorted = [];

    /// <summary>Adds a grain; one that is known is left alone.</summary>
    public void Add(GrainAddress address)
    {
        lock (gate)
        {
            if (!all.Add(address))
                return;
            if (!added.TryGetValue(address.Kind, out var list))
                added[address.Kind] = list = [];
            list.Add(address);
            sorted.Remove(address.Kind);
        }
    }

    /// <summary>All grains of a kind, sorted by key.</summary>
    public IReadOnlyList<GrainAddress> Of(GrainKind kind)
    {
        lock (gate)
        {
            if (sorted.TryGetValue(kind, out var known))
                return known;
            GrainAddress[] fresh = added.TryGetValue(kind, out var list) ? [.. list] : [];
            Array.Sort(fresh, (a, b) => string.CompareOrdinal(a.Key, b.Key));
            return sorted[kind] = fresh;
        }
    }
}
