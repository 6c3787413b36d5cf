using Coordinator.Machines;

namespace Coordinator.Simulator;

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
        foreach (var resume in resumes)
            resume();
    }

    /// <summary>Called whenever a cut heals, until <see cref="Forget"/>.</summary>
    public void OnHeal(Action resume) => resumes.Add(resume);

    public void Forget(Action resume) => resumes.Remove(resume);
}
