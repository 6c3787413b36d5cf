using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Gangs;

/// <summary>
/// Operators drain nodes of a gang's world and give them back, with a last moment or without. In every fourth seed, but where another bug
/// than one of drains is planted or silos alone are struck; draws from a stream of its own, so that it moves nothing of the other seeds.
/// </summary>
internal sealed class GangDrains
{
    private static readonly TimeSpan Repeat = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan EndTime = TimeSpan.FromMinutes(1);

    private readonly GangCluster cluster;
    private readonly int members;
    private readonly Prng prng;

    /// <summary>What operators were told is drained, until they begin to give it back.</summary>
    private readonly SortedSet<NodeId> answered = [];

    /// <summary>What they have drained, and not given back so that it is durable: no two of them speak of a node at once.</summary>
    private readonly SortedSet<NodeId> busy = [];
    private bool isOver;

    private GangDrains(GangCluster cluster, int members, TimeSpan until)
    {
        (this.cluster, this.members) = (cluster, members);
        prng = Prng.Derive(cluster.World.Seed, "drains");
        for (var left = prng.Between(1, 4); left > 0; left--)
            World.Schedule(prng.Between(TimeSpan.FromSeconds(1), until), Drain);
        LookLater();
    }

    /// <summary>Nodes that were drained.</summary>
    public int Count { get; private set; }

    private VirtualWorld World => cluster.World;

    private IReadOnlyList<Drain> Durable => cluster.Silo.Stored(GrainAddress.Cluster) is { } json
        ? Contracts.ReadState<ClusterState>(GrainAddress.Cluster, json).Drains : [];

    /// <summary>The drains of a seed, from its start; null: it has none.</summary>
    public static GangDrains? Begin(GangCluster cluster, int members, GangFaults faults) =>
        !faults.IsOfSilos && (cluster.Plant == GangBug.DrainsForgotten || (cluster.Plant == GangBug.None && cluster.World.Seed % 4 == 2))
            ? new GangDrains(cluster, members, faults.Until)
            : null;

    /// <summary>Nothing more is drained; what is drained is given back but for nodes that the gang can do without.</summary>
    public void Heal()
    {
        isOver = true;
        var spare = cluster.Nodes.Count - members;
        foreach (var node in cluster.Nodes)
        {
            if (spare > 0 && prng.Chance(0.5))
                spare--;
            else
                Uncordon(node.Id);
        }
    }

    /// <summary>A program starts on a node.</summary>
    public void OnStart(GangNode node, long generation)
    {
        CheckDurable();
        if (answered.Contains(node.Id) && Durable.Any(drain => drain.Done && drain.Node == node.Id))
        {
            throw new InvariantViolationException(
                GangInvariants.DrainedRunsNothing, $"a process of generation {generation} starts on {node.Id}, whose drain is done");
        }
    }

    /// <summary>The gang is over: what is still drained is done soon.</summary>
    public void LookAtEnd()
    {
        for (var until = World.Now + EndTime; Durable.Any(drain => !drain.Done) && World.Step(until);)
        {
        }

        CheckDurable();
        if (Durable.FirstOrDefault(drain => !drain.Done) is { } open)
        {
            throw new InvariantViolationException(
                GangInvariants.DrainEnds, $"{EndTime.TotalSeconds:0} s after the gang's end something is still on {open.Target}");
        }
    }

    private void LookLater() => World.Schedule(TimeSpan.FromSeconds(1), () =>
    {
        if (isOver)
            return;
        CheckDurable();
        LookLater();
    });

    private void CheckDurable()
    {
        foreach (var node in answered.Where(node => Durable.All(drain => drain.Node != node)))
            throw new InvariantViolationException(GangInvariants.DrainIsDurable, $"{node} was drained, and no silo knows of that");
    }

    private void Drain()
    {
        var node = prng.Pick(cluster.Nodes).Id;
        if (isOver || !busy.Add(node))
            return;
        Count++;
        var until = prng.Chance(0.5) ? World.TimeOfDay + prng.Between(TimeSpan.Zero, TimeSpan.FromSeconds(20)) : (DateTimeOffset?)null;
        var drained = new DrainOrdered([node], [], $"work {Count}", "operator", World.TimeOfDay, until);
        World.Note("world", "drains", 0, 0, node);
        Tell(drained, () => !isOver && Durable.All(drain => drain.Node != node || drain.Reason != drained.Reason), () =>
        {
            if (!isOver)
                answered.Add(node);
        });
        World.Schedule(prng.Between(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(40)), () => Uncordon(node));
    }

    private void Uncordon(NodeId node)
    {
        answered.Remove(node);
        World.Note("world", "uncordons", 0, 0, node);
        Tell(new UncordonOrdered([node], [], "operator"), () => Durable.Any(drain => drain.Node == node), () => busy.Remove(node));
    }

    /// <summary>Operators say it until it is durable.</summary>
    private void Tell(GrainMessage message, Func<bool> isToBeSaid, Action heard)
    {
        if (cluster.Silo is { Alive: true, Frozen: false })
            cluster.Silo.Deliver(GrainAddress.Cluster, message);
        World.Schedule(Repeat, () =>
        {
            if (isToBeSaid())
                Tell(message, isToBeSaid, heard);
            else
                heard();
        });
    }
}
