using Coordinator.Machines;

namespace Coordinator.Simulator;

/// <summary>
/// What each fault does, and how it heals after a while. It never destroys the last state, but where that is the fault: before it kills,
/// it makes sure that another reachable member of the newest generation holds the state of the last or the last but one step.
/// A fault counts when it takes effect, in the phase that it then finds.
/// </summary>
internal sealed class FaultStrikes(VirtualWorld world, SimulatedCluster cluster, Func<bool> active, Action<FaultKind, WorkerProcess> count)
{
    private Prng Prng => world.Faults;

    private SiloProcess Silo => cluster.Silo;

    /// <summary>Whether a fault of this kind would take effect at this very moment, where it needs a write or a connection to strike.</summary>
    public bool IsReady(FaultKind kind, WorkerProcess victim) => kind switch
    {
        FaultKind.UnsyncedLost or FaultKind.UnsyncedTorn or FaultKind.UnsyncedCorrupted => Silo.Disk.HasUnsynced,
        FaultKind.AcknowledgementLost or FaultKind.WriteLost => Silo.Disk.IsWriteComing,
        FaultKind.ConnectionReset => victim.Peers.HasConnections,
        _ => true,
    };

    /// <summary>Strikes, or lays a trap for the next write or frame; false where there is nothing to strike.</summary>
    public bool Strike(FaultKind kind, WorkerProcess victim) => kind switch
    {
        FaultKind.WorkerCrash or FaultKind.TwoCrashes or FaultKind.AllWorkersKilled or FaultKind.Leave or FaultKind.DeviceFault
            or FaultKind.WorkerFreeze or FaultKind.SlowRank or FaultKind.WorkerClockDrift => StrikeWorker(kind, victim),
        FaultKind.SiloCrash or FaultKind.SiloFreeze or FaultKind.SiloClockDrift or FaultKind.GrainReload => StrikeSilo(kind, victim),
        FaultKind.UnsyncedLost or FaultKind.UnsyncedTorn or FaultKind.UnsyncedCorrupted or FaultKind.StorageAway
            or FaultKind.AcknowledgementLost or FaultKind.WriteLost => StrikeDisk(kind, victim),
        _ => StrikeNetwork(kind, victim),
    };

    /// <summary>The cluster's grain is thrown away and loaded again, upon which it writes; false where none is loaded, or it is writing.</summary>
    public bool ReloadCluster(WorkerProcess cued)
    {
        if (Silo is not { Alive: true, Frozen: false } || !Silo.MayReloadGrain(GrainAddress.Cluster))
            return false;
        count(FaultKind.GrainReload, cued);
        Silo.ReloadGrain(GrainAddress.Cluster);
        return true;
    }

    /// <summary>The grain of the job is thrown away and loaded again; a generation that does not run yet then forms anew. False where it cannot be.</summary>
    public bool ReloadJob(JobId job, WorkerProcess cued)
    {
        if (Silo is not { Alive: true, Frozen: false } || !Silo.MayReloadGrain(GrainAddress.Of(job)))
            return false;
        count(FaultKind.GrainReload, cued);
        Silo.ReloadGrain(GrainAddress.Of(job));
        return true;
    }

    /// <summary>A worker's devices take long to write a state, for a while.</summary>
    public void SlowWrites(WorkerProcess worker, double factor)
    {
        count(FaultKind.SlowRank, worker);
        worker.StateFactor = factor;
        After(1000, 4000, () => worker.StateFactor = 1);
    }

    /// <summary>All others die, and this one, which holds their state, is frozen; they come back, and it does not.</summary>
    public void LeaveOneFrozen(WorkerProcess holder)
    {
        count(FaultKind.WorkerFreeze, holder);
        holder.Freeze();
        foreach (var worker in cluster.Workers.Where(worker => worker != holder && worker.Alive))
        {
            count(FaultKind.WorkerCrash, worker);
            Kill(worker);
        }
    }

    /// <summary>Whether the job does not need this worker's state: somebody else has it, or nobody has begun.</summary>
    public bool MaySpare(WorkerProcess victim) => !cluster.Checkers.Orders.PlansMade || cluster.HoldersBeside(victim) > 0;

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

    /// <summary>A worker that is asked to end comes back, as its service manager has it, also where it ends only after the healing.</summary>
    private void StartOnceEnded(WorkerProcess worker, int life) => world.Schedule(TimeSpan.FromSeconds(1), () =>
    {
        if (worker.Life != life)
            return;
        if (worker.Alive)
            StartOnceEnded(worker, life);
        else
            worker.Start();
    });

    private bool StrikeWorker(FaultKind kind, WorkerProcess victim)
    {
        switch (kind)
        {
            case FaultKind.WorkerCrash when MayKill(victim):
                count(kind, victim);
                Kill(victim);
                return true;
            case FaultKind.TwoCrashes when MayKill(victim):
                count(kind, victim);
                Kill(victim);
                var other = Prng.Pick(cluster.Workers);
                if (MayKill(other))
                    Kill(other);
                return true;
            case FaultKind.AllWorkersKilled:
                count(kind, victim);
                foreach (var worker in cluster.Workers.Where(worker => worker.Alive))
                    Kill(worker);
                return true;
            case FaultKind.WorkerFreeze when victim is { Alive: true, Frozen: false }:
                count(kind, victim);
                victim.Freeze();
                After(20, 3000, victim.Thaw);
                return true;
            case FaultKind.SlowRank:
                count(kind, victim);
                var gpu = Prng.Below(victim.ComputeFactor.Length);
                victim.ComputeFactor[gpu] = Prng.Between(3, 30);
                After(50, 3000, () => victim.ComputeFactor[gpu] = 1);
                return true;
            case FaultKind.WorkerClockDrift when victim.Alive:
                count(kind, victim);
                Drift(victim);
                return true;
            case FaultKind.Leave when victim is { Alive: true, Frozen: false, Leaving: false }:
                count(kind, victim);
                victim.Leaving = true;
                victim.Agent.Leave();
                RestartLater(victim);
                return true;
            case FaultKind.DeviceFault when victim is { Alive: true, Frozen: false } && MaySpare(victim) && victim.Agent.Ranks.Any():
                count(kind, victim);
                victim.Agent.Ranks.ElementAt(Prng.Below(victim.Agent.Ranks.Count())).FailDevice("injected");
                return true;
            default:
                return false;
        }
    }

    private bool StrikeSilo(FaultKind kind, WorkerProcess cued)
    {
        switch (kind)
        {
            case FaultKind.SiloCrash when Silo.Alive:
                count(kind, cued);
                Crash(UnsyncedTail.Kept);
                return true;
            case FaultKind.SiloFreeze when Silo is { Alive: true, Frozen: false }:
                count(kind, cued);
                Silo.Freeze();
                After(20, 2000, Silo.Thaw);
                return true;
            case FaultKind.SiloClockDrift when Silo.Alive:
                count(kind, cued);
                Drift(Silo);
                return true;
            case FaultKind.GrainReload when Silo is { Alive: true, Frozen: false } && Silo.MayReload:
                count(kind, cued);
                Silo.ReloadOne(Prng);
                return true;
            default:
                return false;
        }
    }

    private bool StrikeDisk(FaultKind kind, WorkerProcess cued)
    {
        switch (kind)
        {
            case FaultKind.StorageAway when !Silo.Disk.Away:
                count(kind, cued);
                Silo.Disk.GoAway();
                After(10, 2000, () =>
                {
                    if (Silo.Disk.Away)
                        Silo.Disk.ComeBack();
                });
                return true;
            case FaultKind.AcknowledgementLost or FaultKind.WriteLost when Silo.Disk.Next == NextWrite.Ordinary:
                Silo.Disk.Next = kind == FaultKind.WriteLost ? NextWrite.Lost : NextWrite.Unacknowledged;
                Silo.Disk.NextTaken = () => count(kind, cued);
                return true;
            case FaultKind.UnsyncedLost or FaultKind.UnsyncedTorn or FaultKind.UnsyncedCorrupted when Silo.Disk.HasUnsynced:
                LosePower(kind, cued);
                return true;
            case FaultKind.UnsyncedLost or FaultKind.UnsyncedTorn or FaultKind.UnsyncedCorrupted:
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

    private bool StrikeNetwork(FaultKind kind, WorkerProcess victim)
    {
        var other = Prng.Pick(cluster.Workers);
        switch (kind)
        {
            case FaultKind.CutWorkersOneWay or FaultKind.CutWorkersBothWays when victim != other:
                count(kind, victim);
                Cut(victim.Node, other.Node);
                if (kind == FaultKind.CutWorkersBothWays)
                    Cut(other.Node, victim.Node);
                return true;
            case FaultKind.CutFromSilo:
                count(kind, victim);
                Cut(NetworkMap.Silo, victim.Node);
                return true;
            case FaultKind.CutToSilo:
                count(kind, victim);
                Cut(victim.Node, NetworkMap.Silo);
                return true;
            case FaultKind.CutSiloBothWays:
                count(kind, victim);
                Cut(victim.Node, NetworkMap.Silo);
                Cut(NetworkMap.Silo, victim.Node);
                return true;
            case FaultKind.ConnectionReset when victim.Alive && victim.Peers.HasConnections:
                count(kind, victim);
                victim.Peers.ResetOne(Prng);
                return true;
            case FaultKind.CorruptFrame when victim is { Alive: true, Peers.CorruptNext: null }:
                victim.Peers.CorruptNext = () => count(kind, victim);
                return true;
            case FaultKind.SlowNetwork:
                count(kind, victim);
                cluster.Map.SetDelay(victim.Node, Prng.Between(5, 100));
                After(20, 2000, () => cluster.Map.SetDelay(victim.Node, 1));
                return true;
            case FaultKind.MessagesLost:
                count(kind, victim);
                Silo.Weather.Loss = 0.1 + (0.5 * Prng.Unit());
                After(20, 1500, () => Silo.Weather.Loss = 0);
                return true;
            case FaultKind.MessagesRepeated:
                count(kind, victim);
                Silo.Weather.Duplication = 0.2 + (0.8 * Prng.Unit());
                After(20, 1500, () => Silo.Weather.Duplication = 0);
                return true;
            case FaultKind.MessagesReordered:
                count(kind, victim);
                Silo.Weather.Straggle = 0.2 + (0.6 * Prng.Unit());
                After(20, 1500, () => Silo.Weather.Straggle = 0);
                return true;
            default:
                return false;
        }
    }

    private bool MayKill(WorkerProcess victim) => victim.Alive && !cluster.WouldLoseState(victim);

    private void Kill(WorkerProcess victim)
    {
        victim.Kill();
        RestartLater(victim);
    }

    private void RestartLater(WorkerProcess victim) => After(10, 3000, () =>
    {
        if (!victim.Alive)
            victim.Start();
        else if (victim.Leaving)
            RestartLater(victim);
    });

    private void LosePower(FaultKind kind, WorkerProcess cued)
    {
        count(kind, cued);
        Crash(kind switch { FaultKind.UnsyncedLost => UnsyncedTail.Lost, FaultKind.UnsyncedTorn => UnsyncedTail.Torn, _ => UnsyncedTail.Corrupted });
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
