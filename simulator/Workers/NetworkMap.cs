using Coordinator.Machines;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Workers;

/// <summary>
/// Which machine can reach which: one-way cuts by pair, with <see cref="Silo"/> as the silo's name. A cut holds traffic back; what
/// was sent arrives once it heals.
/// </summary>
internal sealed class NetworkMap(VirtualWorld world)
{
    /// <summary>The silo's place in the map.</summary>
    public static readonly NodeId Silo = new("silo");

    private readonly SortedSet<(string From, string To)> cuts = [];
    private readonly List<Action> resumes = [];
    private readonly SortedDictionary<string, double> slow = new(StringComparer.Ordinal);

    /// <summary>A packet's way from one machine to another, longer where the network of either is slow.</summary>
    public TimeSpan Latency(NodeId from, NodeId to, Scenario scenario)
    {
        var latency = world.Network.Between(scenario.MinLatency, scenario.MaxLatency);
        return slow.Count == 0 ? latency : latency * Math.Max(slow.GetValueOrDefault(from.Value, 1), slow.GetValueOrDefault(to.Value, 1));
    }

    /// <summary>All that a machine sends and receives takes so many times as long; 1 is ordinary.</summary>
    public void SetDelay(NodeId node, double factor)
    {
        slow.Remove(node.Value);
        if (factor != 1)
            slow.Add(node.Value, factor);
        world.Note("network", "delay", (long)factor, 0, node);
    }

    public bool IsCut(NodeId from, NodeId to) => cuts.Contains((from.Value, to.Value));

    public void Cut(NodeId from, NodeId to)
    {
        cuts.Add((from.Value, to.Value));
        world.Note("network", "cuts", 0, 0, $"{from} → {to}");
    }

    public void Heal(NodeId from, NodeId to)
    {
        if (!cuts.Remove((from.Value, to.Value)))
            return;
        world.Note("network", "heals", 0, 0, $"{from} → {to}");
        foreach (var resume in resumes)
            resume();
    }

    public void HealAll()
    {
        cuts.Clear();
        slow.Clear();
        foreach (var resume in resumes)
            resume();
    }

    /// <summary>Called whenever a cut heals, until <see cref="Forget"/>.</summary>
    public void OnHeal(Action resume) => resumes.Add(resume);

    public void Forget(Action resume) => resumes.Remove(resume);
}
