using Coordinator.Machines;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Gangs;

/// <summary>The parts of a gang's simulated world, and the network among its nodes.</summary>
internal sealed class GangCluster
{
    public static readonly JobId Job = new("gang");

    public GangCluster(VirtualWorld world, GangBug plant, int nodes, int gpus, GangTraining training)
    {
        (World, Plant, Training) = (world, plant, training);
        Silo = new GangSilo(this);
        Nodes = [.. Enumerable.Range(1, nodes).Select(number => new GangNode(this, new NodeId($"n{number}"), gpus))];
    }

    public VirtualWorld World { get; }

    public GangBug Plant { get; }

    public GangTraining Training { get; }

    public GangSilo Silo { get; }

    /// <summary>What operators drain; null: nothing.</summary>
    public GangDrains? Drains { get; set; }

    public IReadOnlyList<GangNode> Nodes { get; }

    /// <summary>Share of the questions between agents, and of their answers, that take seconds.</summary>
    public double Late { get; set; } = 0.05;

    public GangNode? Find(NodeId node) => Nodes.FirstOrDefault(one => one.Id == node);

    /// <summary>Processes of a generation that live, also where they stand still.</summary>
    public IReadOnlyList<GangProgram> ProgramsOf(long generation) =>
        [.. Nodes.SelectMany(node => node.Running).Where(program => program.Generation == generation)];

    /// <summary>A question between agents, and its answer, both of which may be lost or late.</summary>
    public void Ask(GangNode from, Machines.GangPeer peer, long generation, TimeSpan sentAt, Action<int, TimeSpan> answered)
    {
        var host = peer.Address[..peer.Address.LastIndexOf(':')];
        if (Find(new NodeId(host)) is not { } to || IsCut(from, to) || World.Network.Chance(0.02))
            return;
        var (there, back) = (to.Life, from.Life);
        World.Schedule(Delay(), () => to.Arrive(there, timer: false, () =>
        {
            if (!to.Answers(generation) || IsCut(from, to))
                return;
            World.Schedule(Delay(), () => from.Arrive(back, timer: false, () => answered(peer.Index, sentAt)));
        }));
    }

    private TimeSpan Delay() =>
        World.Network.Between(TimeSpan.FromMilliseconds(0.1), TimeSpan.FromMilliseconds(World.Network.Chance(Late) ? 4000 : 4));

    private static bool IsCut(GangNode a, GangNode b) => a.IsCutFromPeers || b.IsCutFromPeers || a.IsDark || b.IsDark;
}
