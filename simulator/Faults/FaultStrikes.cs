using Coordinator.Machines;
using Coordinator.Simulator.Silo;
using Coordinator.Simulator.Workers;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Faults;

/// <summary>
/// What each fault does, and how it heals after a while. It never destroys the last state, but where that is the fault: before it kills,
/// it makes sure that another reachable member of the newest generation holds the state of the last or the last but one step.
/// A fault counts when it takes effect, in the phase that it then finds.
/// </summary>
internal sealed class FaultStrikes(
    VirtualWorld world, SimulatedCluster cluster, Func<bool> active, Action<InjectedFault, SimulatedWorker> count)
{
    private Prng Prng => world.Faults;

    private SiloProcess Silo => cluster.Silo;

    /// <summary>
    /// Whether a fault of this kind would take effect at this very moment, where it needs a write or a connection to strike.
    /// </summary>
    public bool IsReady(InjectedFault kind, SimulatedWorker victim) => kind switch
    {
        InjectedFault.UnsyncedLost or InjectedFault.UnsyncedTorn or InjectedFault.UnsyncedCorrupted => Silo.Disk.HasUnsynced,
        InjectedFault.AcknowledgementLost or InjectedFault.WriteLost => Silo.Disk.IsWriteComing,
        InjectedFault.ConnectionReset => victim.Peers.HasConnections,
        _ => true,
    };

    /// <summary>Strikes, or lays a trap for the next write or frame; false where there is nothing to strike.</summary>
    public bool Strike(InjectedFault kind, SimulatedWorker victim) => kind switch
    {
        InjectedFault.WorkerCrash or InjectedFault.TwoCrashes or InjectedFault.AllWorkersKilled or InjectedFault.Leave
            or InjectedFault.DeviceFault
            or InjectedFault.WorkerFreeze or InjectedFault.SlowRank or InjectedFault.WorkerClockDrift => StrikeWorker(kind, victim),
        InjectedFault.SiloCrash or InjectedFault.SiloFreeze or InjectedFault.SiloClockDrift or InjectedFault.GrainReload =>
            StrikeSilo(kind, victim),
        InjectedFault.UnsyncedLost or InjectedFault.UnsyncedTorn or InjectedFault.UnsyncedCorrupted or InjectedFault.StorageAway
            or InjectedFault.AcknowledgementLost or InjectedFault.WriteLost => StrikeDisk(kind, victim),
        _ => StrikeNetwork(kind, victim),
    };

    /// <summary>
    /// The cluster's grain is thrown away and loaded again, upon which it writes; false where none is loaded, or it is writing.
    /// </summary>
    public bool ReloadCluster(SimulatedWorker cued)
    {
        if (Silo is not { Alive: true, Frozen: false } || !Silo.MayReloadGrain(GrainAddress.Cluster))
            return false;
        count(InjectedFault.GrainReload, cued);
        Silo.ReloadGrain(GrainAddress.Cluster);
        return true;
    }

    /// <summary>
    /// The grain of the job is thrown away and loaded again; a generation that does not run yet then forms anew. False where it cannot be.
    /// </summary>
    public bool ReloadJob(JobId job, SimulatedWorker cued)
    {
        if (Silo is not { Alive: true, Frozen: false } || !Silo.MayReloadGrain(GrainAddress.Of(job)))
            return false;
        count(InjectedFault.GrainReload, cued);
        Silo.ReloadGrain(GrainAddress.Of(job));
        return true;
    }

    /// <summary>A worker's devices take long to write a state, for a while.</summary>
    public void SlowWrites(SimulatedWorker worker, double factor)
    {
        count(InjectedFault.SlowRank, worker);
        worker.StateFactor = factor;
        After(1000, 4000, () => worker.StateFactor = 1);
    }

    /// <summary>All others die, and this one, which holds their state, is frozen; they come back, and it does not.</summary>
    public void LeaveOneFrozen(SimulatedWorker holder)
    {
        count(InjectedFault.WorkerFreeze, holder);
        holder.Freeze();
        foreach (var worker in cluster.Workers.Where(worker => worker != holder && worker.Alive))
        {
            count(InjectedFault.WorkerCrash, worker);
            Kill(worker);
        }
    }

    /// <summary>Whether the job does not need this worker's state: somebody else has it, or nobody has begun.</summary>
    public bool MaySpare(SimulatedWorker victim) => !cluster.Checkers.Orders.PlansMade || cluster.HoldersBeside(victim) > 0;

    /// <summary>Everything is put right.</summary>
    public void HealAll()
    {
        cluster.Map.HealAll();
        Silo.Weather.Calm();
        if (Silo.Frozen)
            Silo.Thaw();
        if (!Silo.Alive)
            Silo.Start();
        if (Silo.Disk.Away)
            Silo.Disk.ComeBack();
        Silo.Lossy = false;
        Silo.Disk.MayFail = false;
        Silo.Disk.Next = NextWrite.Ordinary;
        Silo.SetClockRate(1);
        foreach (var worker in cluster.Workers)
        {
            Array.Fill(worker.ComputeFactor, 1);
            worker.StateFactor = 1;
            worker.SetClockRate(1);
            worker.Peers.CorruptNext = null;
            if (worker.Frozen)
                worker.Thaw();
            if (!worker.Alive)
                worker.Start();
            else if (worker.Leaving)
                StartOnceEnded(worker, worker.Life);
        }
    }

    /// <summary>
    /// A worker that is asked to end comes back, as its service manager has it, also where it ends only after the healing.
    /// </summary>
    private void StartOnceEnded(SimulatedWorker worker, int life) => world.Schedule(TimeSpan.FromSeconds(1), () =>
    {
        if (worker.Life != life)
            return;
        if (worker.Alive)
            StartOnceEnded(worker, life);
        else
            worker.Start();
    });

    private bool StrikeWorker(InjectedFault kind, SimulatedWorker victim)
    {
        switch (kind)
        {
            case InjectedFault.WorkerCrash when MayKill(victim):
                count(kind, victim);
                Kill(victim);
                return true;
            case InjectedFault.TwoCrashes when MayKill(victim):
                count(kind, victim);
                Kill(victim);
                var other = Prng.Pick(cluster.Workers);
                if (MayKill(other))
                    Kill(other);
                return true;
            case InjectedFault.AllWorkersKilled:
                count(kind, victim);
                foreach (var worker in cluster.Workers.Where(worker => worker.Alive))
                    Kill(worker);
                return true;
            case InjectedFault.WorkerFreeze when victim is { Alive: true, Frozen: false }:
                count(kind, victim);
                victim.Freeze();
                After(20, 3000, victim.Thaw);
                return true;
            case InjectedFault.SlowRank:
                count(kind, victim);
                var gpu = Prng.Below(victim.ComputeFactor.Length);
                victim.ComputeFactor[gpu] = Prng.Between(3, 30);
                After(50, 3000, () => victim.ComputeFactor[gpu] = 1);
                return true;
            case InjectedFault.WorkerClockDrift when victim.Alive:
                count(kind, victim);
                Drift(victim);
                return true;
            case InjectedFault.Leave when victim is { Alive: true, Frozen: false, Leaving: false }:
                count(kind, victim);
                victim.Leaving = true;
                victim.Agent.Leave();
                RestartLater(victim);
                return true;
            case InjectedFault.DeviceFault when victim is { Alive: true, Frozen: false } && MaySpare(victim) && victim.Agent.Ranks.Any():
                count(kind, victim);
                victim.Agent.Ranks.ElementAt(Prng.Below(victim.Agent.Ranks.Count())).FailDevice("injected");
                return true;
            default:
                return false;
        }
    }

    private bool StrikeSilo(InjectedFault kind, SimulatedWorker cued)
    {
        switch (kind)
        {
            case InjectedFault.SiloCrash when Silo.Alive:
                count(kind, cued);
                Crash(UnsyncedTail.Kept);
                return true;
            case InjectedFault.SiloFreeze when Silo is { Alive: true, Frozen: false }:
                count(kind, cued);
                Silo.Freeze();
                After(20, 2000, Silo.Thaw);
                return true;
            case InjectedFault.SiloClockDrift when Silo.Alive:
                count(kind, cued);
                Drift(Silo);
                return true;
            case InjectedFault.GrainReload when Silo is { Alive: true, Frozen: false } && Silo.MayReload:
                count(kind, cued);
                Silo.ReloadOne(Prng);
                return true;
            default:
                return false;
        }
    }

    private bool StrikeDisk(InjectedFault kind, SimulatedWorker cued)
    {
        switch (kind)
        {
            case InjectedFault.StorageAway when !Silo.Disk.Away:
                count(kind, cued);
                Silo.Disk.GoAway();
                After(10, 2000, () =>
                {
                    if (Silo.Disk.Away)
                        Silo.Disk.ComeBack();
                });
                return true;
            case InjectedFault.AcknowledgementLost or InjectedFault.WriteLost when Silo.Disk.Next == NextWrite.Ordinary:
                Silo.Disk.Next = kind == InjectedFault.WriteLost ? NextWrite.Lost : NextWrite.Unacknowledged;
                Silo.Disk.NextTaken = () => count(kind, cued);
                return true;
            case InjectedFault.UnsyncedLost or InjectedFault.UnsyncedTorn or InjectedFault.UnsyncedCorrupted when Silo.Disk.HasUnsynced:
                LosePower(kind, cued);
                return true;
            case InjectedFault.UnsyncedLost or InjectedFault.UnsyncedTorn or InjectedFault.UnsyncedCorrupted:
                Silo.Disk.WhenUnsynced(() => world.Schedule(TimeSpan.Zero, () =>
                {
                    if (active() && Silo.Alive && Silo.Disk.HasUnsynced)
                        LosePower(kind, cued);
                }));
                return true;
            default:
                return false;
        }
    }

    private bool StrikeNetwork(InjectedFault kind, SimulatedWorker victim)
    {
        var other = Prng.Pick(cluster.Workers);
        switch (kind)
        {
            case InjectedFault.CutWorkersOneWay or InjectedFault.CutWorkersBothWays when victim != other:
                count(kind, victim);
                Cut(victim.Node, other.Node);
                if (kind == InjectedFault.CutWorkersBothWays)
                    Cut(other.Node, victim.Node);
                return true;
            case InjectedFault.CutFromSilo:
                count(kind, victim);
                Cut(NetworkMap.Silo, victim.Node);
                return true;
            case InjectedFault.CutToSilo:
                count(kind, victim);
                Cut(victim.Node, NetworkMap.Silo);
                return true;
            case InjectedFault.CutSiloBothWays:
                count(kind, victim);
                Cut(victim.Node, NetworkMap.Silo);
                Cut(NetworkMap.Silo, victim.Node);
                return true;
            case InjectedFault.ConnectionReset when victim.Alive && victim.Peers.HasConnections:
                count(kind, victim);
                victim.Peers.ResetOne(Prng);
                return true;
            case InjectedFault.CorruptFrame when victim is { Alive: true, Peers.CorruptNext: null }:
                victim.Peers.CorruptNext = () => count(kind, victim);
                return true;
            case InjectedFault.SlowNetwork:
                count(kind, victim);
                cluster.Map.SetDelay(victim.Node, Prng.Between(5, 100));
                After(20, 2000, () => cluster.Map.SetDelay(victim.Node, 1));
                return true;
            case InjectedFault.MessagesLost:
                count(kind, victim);
                Silo.Weather.Loss = 0.1 + (0.5 * Prng.Unit());
                After(20, 1500, () => Silo.Weather.Loss = 0);
                return true;
            case InjectedFault.MessagesRepeated:
                count(kind, victim);
                Silo.Weather.Duplication = 0.2 + (0.8 * Prng.Unit());
                After(20, 1500, () => Silo.Weather.Duplication = 0);
                return true;
            case InjectedFault.MessagesReordered:
                count(kind, victim);
                Silo.Weather.Straggle = 0.2 + (0.6 * Prng.Unit());
                After(20, 1500, () => Silo.Weather.Straggle = 0);
                return true;
            default:
                return false;
        }
    }

    private bool MayKill(SimulatedWorker victim) => victim.Alive && !cluster.WouldLoseState(victim);

    private void Kill(SimulatedWorker victim)
    {
        victim.Kill();
        RestartLater(victim);
    }

    private void RestartLater(SimulatedWorker victim) => After(10, 3000, () =>
    {
        if (!victim.Alive)
            victim.Start();
        else if (victim.Leaving)
            RestartLater(victim);
    });

    private void LosePower(InjectedFault kind, SimulatedWorker cued)
    {
        count(kind, cued);
        Crash(kind switch
        {
            InjectedFault.UnsyncedLost => UnsyncedTail.Lost,
            InjectedFault.UnsyncedTorn => UnsyncedTail.Torn,
            _ => UnsyncedTail.Corrupted,
        });
    }

    private void Crash(UnsyncedTail tail)
    {
        Silo.Crash(tail);
        After(5, 1500, () =>
        {
            if (!Silo.Alive)
                Silo.Start();
        });
    }

    private void Drift(SimulatedProcess process)
    {
        process.SetClockRate(Prng.Chance(0.5) ? 0.5 + (0.4 * Prng.Unit()) : 1.1 + (0.9 * Prng.Unit()));
        After(50, 3000, () => process.SetClockRate(1));
    }

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
            if (active())
                heal();
        });
    }
}
