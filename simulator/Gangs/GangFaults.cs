using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Gangs;

/// <summary>Faults of a gang's world, drawn from the seed: what, whom, when and for how long.</summary>
internal sealed class GangFaults(GangCluster cluster, int members, int spares)
{
    private const int FirstOfSilos = 7;
    private const int Kinds = 9;
    private readonly SortedDictionary<string, int> struck = new(StringComparer.Ordinal);
    private bool isOver;
    private bool isOfSilos;

    public IReadOnlyDictionary<string, int> Struck => struck;

    /// <summary>Whether silos alone are struck, and the network is whole.</summary>
    public bool IsOfSilos => isOfSilos;

    /// <summary>When the last fault has struck.</summary>
    public TimeSpan Until { get; } = TimeSpan.FromSeconds(90);

    private VirtualWorld World => cluster.World;

    private Prng Draw => cluster.World.Faults;

    public void Plan()
    {
        cluster.Silo.Loss = Draw.Chance(0.5) ? 0 : Draw.Unit() * 0.1;
        isOfSilos = Draw.Chance(0.2);
        if (isOfSilos)
            cluster.Silo.Loss = 0;
        else if (Draw.Chance(0.3))
            cluster.Late = 0.5;
        var count = Draw.Between(0, 8);
        for (var i = 0; i < count; i++)
            World.Schedule(Draw.Between(TimeSpan.FromSeconds(1), Until), Strike);
    }

    /// <summary>Everything comes back, and nothing strikes any more.</summary>
    public void Heal()
    {
        isOver = true;
        (cluster.Silo.Loss, cluster.Silo.AtNextWrite) = (0, null);
        if (cluster.Silo.Frozen)
            cluster.Silo.Thaw();
        if (!cluster.Silo.Alive)
            cluster.Silo.Start();
        foreach (var node in cluster.Nodes)
        {
            (node.IsCutFromSilo, node.IsCutFromPeers) = (false, false);
            node.ThawWorker();
            if (node.IsDark)
                node.GetPower();
            node.Start();
            node.Connect();
        }
    }

    private void Strike()
    {
        if (isOver)
            return;
        var node = Draw.Pick(cluster.Nodes);
        var time = Draw.Chance(0.5) ? Draw.Between(
            TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5)) : Draw.Between(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(40));
        switch (isOfSilos ? Draw.Between(FirstOfSilos, Kinds) : Draw.Between(0, Kinds))
        {
            case 0:
                Note("kill of a process");
                if (node.Running.FirstOrDefault() is { } program)
                    node.EndProgram(program, null, Draw.Chance(0.5) ? 9 : 11, isFirst: true, "");
                break;
            case 1:
                Note("kill of a worker");
                node.KillWorker();
                Later(time, node.Start);
                break;
            case 2:
                Note("freeze of a worker");
                node.FreezeWorker(withPrograms: false);
                Later(time, node.ThawWorker);
                break;
            case 3:
                Note("freeze of a host");
                node.FreezeWorker(withPrograms: true);
                Later(time, node.ThawWorker);
                break;
            case 4:
                Note("host without power");
                node.LosePower();
                if (spares == 0 || members > 1)
                    Later(time, node.GetPower);
                break;
            case 5:
                Note("cut from the silo");
                node.IsCutFromSilo = true;
                Later(TimeSpan.FromSeconds(6), node.Disconnect);
                Later(time, () => node.IsCutFromSilo = false);
                break;
            case 6:
                Note("cut from everybody");
                (node.IsCutFromSilo, node.IsCutFromPeers) = (true, true);
                Later(TimeSpan.FromSeconds(6), node.Disconnect);
                Later(time, () => (node.IsCutFromSilo, node.IsCutFromPeers) = (false, false));
                break;
            case 7:
                Note("kill of the silo");
                cluster.Silo.Crash();
                Later(time, () =>
                {
                    if (!cluster.Silo.Alive)
                        cluster.Silo.Start();
                });
                break;
            case 8:
                // What was told before it was durable would be told by nobody who knows of it; a node is cut off with the silo, or none.
                var isCut = Draw.Chance(0.5) && !isOfSilos;
                cluster.Silo.AtNextWrite = () =>
                {
                    if (isOver)
                        return;
                    Note("kill of the silo as it writes");
                    cluster.Silo.Crash();
                    (node.IsCutFromSilo, node.IsCutFromPeers) = (isCut, isCut);
                    Later(time, () => (node.IsCutFromSilo, node.IsCutFromPeers) = (false, false));
                    Later(TimeSpan.FromSeconds(1), () =>
                    {
                        if (!cluster.Silo.Alive)
                            cluster.Silo.Start();
                    });
                };
                break;
            default:
                Note("freeze of the silo");
                if (cluster.Silo.Alive && !cluster.Silo.Frozen)
                {
                    cluster.Silo.Freeze();
                    Later(time, cluster.Silo.Thaw);
                }

                break;
        }
    }

    private void Later(TimeSpan time, Action action) => World.Schedule(time, () =>
    {
        if (!isOver)
            action();
    });

    private void Note(string fault)
    {
        struck[fault] = struck.GetValueOrDefault(fault) + 1;
        World.Note("fault", fault);
    }
}
