using Coordinator.Machines;

namespace Coordinator.Simulator;

/// <summary>
/// Strikes on cue, and heals what it did after a while. It never destroys the last state: before it kills, it makes sure that another
/// reachable member of the newest generation holds the state of the last or the last but one step.
/// </summary>
internal sealed class FaultInjector
{
    private readonly VirtualWorld world;
    private readonly SimulatedCluster cluster;
    private readonly List<PlannedFault> planned;
    private bool active = true;

    public FaultInjector(VirtualWorld world, SimulatedCluster cluster, List<PlannedFault> planned)
    {
        (this.world, this.cluster, this.planned) = (world, cluster, planned);
        cluster.Moments.StepApplied = step => Fire(fault => fault.Step <= step, null);
        cluster.Moments.Reached = (moment, nth, where) => Fire(fault => fault.Moment == moment && fault.Nth <= nth, where);
    }

    /// <summary>Faults that struck, by name.</summary>
    public SortedDictionary<string, int> Struck { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether all planned faults have had their cue.</summary>
    public bool IsSpent => planned.Count == 0;

    private Prng Prng => world.Faults;

    /// <summary>From now on nothing strikes, and everything is put right.</summary>
    public void HealForGood()
    {
        active = false;
        planned.Clear();
        world.Note("world", "heals");
        cluster.Map.HealAll();
        if (cluster.Silo.Frozen)
            cluster.Silo.Thaw();
        if (!cluster.Silo.Alive)
            cluster.Silo.Start();
        if (cluster.Silo.Disk.Away)
            cluster.Silo.Disk.ComeBack();
        cluster.Silo.Lossy = false;
        cluster.Silo.Disk.MayFail = false;
        foreach (var worker in cluster.Workers)
        {
            Array.Fill(worker.ComputeFactor, 1);
            if (worker.Frozen)
                worker.Thaw();
            if (!worker.Alive)
                worker.Start();
        }
    }

    /// <summary>All workers at once: the state is lost.</summary>
    public void KillAll()
    {
        Count("AllWorkersKilled");
        foreach (var worker in cluster.Workers.Where(worker => worker.Alive))
        {
            worker.Kill();
            RestartLater(worker);
        }
    }

    private void Fire(Predicate<PlannedFault> cue, WorkerProcess? where)
    {
        if (!active || planned.Count == 0)
            return;
        for (var i = 0; i < planned.Count; i++)
        {
            var fault = planned[i];
            if (!cue(fault))
                continue;
            planned.RemoveAt(i--);

            // Never inside the turn that gave the cue: a process cannot die in the middle of its own event.
            world.Schedule(Prng.Chance(0.5) ? TimeSpan.Zero : Prng.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(30)), () =>
            {
                if (active)
                    Strike(fault.Kind, where);
            });
        }
    }

    private void Strike(FaultKind kind, WorkerProcess? where)
    {
        var victim = where is not null && Prng.Chance(0.6) ? where : Prng.Pick(cluster.Workers);
        var other = Prng.Pick(cluster.Workers);
        var silo = cluster.Silo;
        var done = true;
        switch (kind)
        {
            case FaultKind.WorkerCrash:
                done = Kill(victim);
                break;
            case FaultKind.TwoCrashes:
                done = Kill(victim) | Kill(other);
                break;
            case FaultKind.SiloCrash when silo.Alive:
                silo.Crash();
                After(5, 1500, () =>
                {
                    if (!silo.Alive)
                        silo.Start();
                });
                break;
            case FaultKind.WorkerFreeze when victim is { Alive: true, Frozen: false }:
                victim.Freeze();
                After(20, 3000, victim.Thaw);
                break;
            case FaultKind.SiloFreeze when silo is { Alive: true, Frozen: false }:
                silo.Freeze();
                After(20, 2000, silo.Thaw);
                break;
            case FaultKind.CutWorkersOneWay when victim != other:
                Cut(victim.Node, other.Node);
                break;
            case FaultKind.CutWorkersBothWays when victim != other:
                Cut(victim.Node, other.Node);
                Cut(other.Node, victim.Node);
                break;
            case FaultKind.CutFromSilo:
                Cut(NetworkMap.Silo, victim.Node);
                break;
            case FaultKind.CutToSilo:
                Cut(victim.Node, NetworkMap.Silo);
                break;
            case FaultKind.CutSiloBothWays:
                Cut(victim.Node, NetworkMap.Silo);
                Cut(NetworkMap.Silo, victim.Node);
                break;
            case FaultKind.ConnectionReset when victim.Alive:
                done = victim.Peers.ResetOne(Prng);
                break;
            case FaultKind.CorruptFrame when victim.Alive:
                victim.Peers.CorruptNext = true;
                break;
            case FaultKind.SlowRank:
                var gpu = Prng.Below(victim.ComputeFactor.Length);
                victim.ComputeFactor[gpu] = Prng.Between(3, 30);
                After(50, 3000, () => victim.ComputeFactor[gpu] = 1);
                break;
            case FaultKind.StorageAway when !silo.Disk.Away:
                silo.Disk.GoAway();
                After(10, 2000, () =>
                {
                    if (silo.Disk.Away)
                        silo.Disk.ComeBack();
                });
                break;
            case FaultKind.GrainReload when silo is { Alive: true, Frozen: false }:
                done = silo.ReloadOne(Prng);
                break;
            case FaultKind.Leave when victim is { Alive: true, Frozen: false } && cluster.HoldersBeside(victim) > 0:
                victim.Leaving = true;
                victim.Agent.Leave();
                RestartLater(victim);
                break;
            case FaultKind.DeviceFault when victim is { Alive: true, Frozen: false } && cluster.HoldersBeside(victim) > 0 && victim.Agent.Ranks.Any():
                victim.Agent.Ranks.ElementAt(Prng.Below(victim.Agent.Ranks.Count())).FailDevice("injected");
                break;
            default:
                done = false;
                break;
        }

        if (!done)
            return;
        Count(kind.ToString());
        world.Note("fault", kind.ToString(), 0, 0, victim.Node);
    }

    private void Count(string name) => Struck[name] = Struck.GetValueOrDefault(name) + 1;

    private bool Kill(WorkerProcess victim)
    {
        if (!victim.Alive || cluster.WouldLoseState(victim))
            return false;
        victim.Kill();
        RestartLater(victim);
        return true;
    }

    private void RestartLater(WorkerProcess victim) => After(10, 3000, () =>
    {
        if (!victim.Alive)
            victim.Start();
        else if (victim.Leaving)
            RestartLater(victim);
    });

    private void Cut(NodeId from, NodeId to)
    {
        cluster.Map.Cut(from, to);
        After(10, 2500, () => cluster.Map.Heal(from, to));
    }

    /// <summary>Short more often than long, so that most faults end before they are noticed or just then.</summary>
    private void After(int lowMs, int highMs, Action heal)
    {
        var share = Prng.Unit();
        world.Schedule(TimeSpan.FromMilliseconds(lowMs + ((highMs - lowMs) * share * share)), () =>
        {
            if (active)
                heal();
        });
    }
}
