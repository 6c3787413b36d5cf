using Coordinator.Machines;
using Coordinator.Simulator.Workers;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Faults;

/// <summary>
/// Brings a seed's <see cref="StagedCell"/> about: looks after every event whether it is there, and else lets other faults happen that lead
/// to it, which count like any.
/// </summary>
internal sealed class StagedFault
{
    private const int MostProvocations = 10;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly StagedCell cell;
    private readonly VirtualWorld world;
    private readonly SimulatedCluster cluster;
    private readonly JobId job;
    private readonly PhaseWatch watch;
    private readonly FaultStrikes strikes;
    private readonly Action<InjectedFault, SimulatedWorker, ProtocolPhase> count;
    private readonly Prng prng;
    private int provoked;
    private bool done;
    private TimeSpan notBefore;
    private SimulatedWorker? slow;
    private SimulatedWorker? frozen;
    private int frozenLife;
    private int restoredBefore;

    public StagedFault(
        StagedCell cell,
        VirtualWorld world,
        SimulatedCluster cluster,
        JobId job,
        PhaseWatch watch,
        FaultStrikes strikes,
        Action<InjectedFault, SimulatedWorker, ProtocolPhase> count)
    {
        (this.cell, this.world, this.cluster, this.job, this.watch, this.strikes, this.count) = (
            cell, world, cluster, job, watch, strikes, count);
        prng = Prng.Derive(world.Seed, "stage");
    }

    /// <summary>Whether there is nothing more to look for.</summary>
    public bool IsSpent => done || (provoked >= MostProvocations && frozen is null && world.Now > notBefore + TimeSpan.FromSeconds(2));

    public void Look()
    {
        if (cluster.Checkers.Steps.Highest < cell.Step || !cluster.Checkers.Final.Submitted)
            return;
        if (cell.Kind == InjectedFault.OldTimelineThaws)
            LookForOldTimeline();
        else if (!StrikeIfThere())
            Provoke();
    }

    private bool StrikeIfThere()
    {
        foreach (var worker in cluster.Workers.Where(worker => worker is { Alive: true, Frozen: false }))
        {
            if (worker.Agent.Ranks.FirstOrDefault(IsThere) is not { } rank)
                continue;
            if (cell.Kind == InjectedFault.QuestionWhileWriting)
            {
                count(cell.Kind, worker, cell.Phase);
            }
            else if (strikes.MaySpare(worker))
            {
                count(cell.Kind, worker, cell.Phase);
                rank.FailDevice("injected");
            }
            else
            {
                continue;
            }

            if (slow is not null)
                slow.StateFactor = 1;
            done = true;
            return true;
        }

        return false;
    }

    private bool IsThere(SimulatedRank rank) =>
        (cell.Kind == InjectedFault.IdleDeviceFault ? rank.IsKept : rank.IsAsked) && cell.Phase switch
        {
            ProtocolPhase.Initialising => rank.IsInitializing,
            ProtocolPhase.Applying => rank.IsApplying,
            _ => !rank.IsInitializing && !rank.IsApplying,
        };

    /// <summary>
    /// A device becomes slow, and once it writes, something happens by which the job forms a generation, with its worker or without.
    /// </summary>
    private void Provoke()
    {
        if (world.Now < notBefore || provoked >= MostProvocations)
            return;
        if (cell.Phase == ProtocolPhase.Outside)
        {
            Disturb(prng.Pick(cluster.Workers));
            return;
        }

        if (slow is null or { Alive: false } or { StateFactor: 1 })
        {
            slow = prng.Pick(cluster.Workers);
            if (slow.Alive)
                strikes.SlowWrites(slow, prng.Between(TimeSpan.FromSeconds(0.4), TimeSpan.FromSeconds(1.5)) / slow.Scenario.ApplyTime);
        }

        if (slow.Alive && slow.Agent.Ranks.Any(rank => cell.Phase == ProtocolPhase.Initialising ? rank.IsInitializing : rank.IsApplying))
            Disturb(slow);
    }

    /// <summary>
    /// The job notices: the worker, or another where this one is to be asked, is lost, cut off or asked to end, or the job itself is loaded
    /// anew.
    /// </summary>
    private void Disturb(SimulatedWorker worker)
    {
        provoked++;
        notBefore = world.Now + Pause;
        if (cell.Kind == InjectedFault.IdleDeviceFault)
        {
            strikes.Strike(prng.Pick([
                InjectedFault.Leave, InjectedFault.CutSiloBothWays, InjectedFault.CutWorkersBothWays, InjectedFault.ConnectionReset,
            ]), worker);
            return;
        }

        if (prng.Chance(0.3) && strikes.ReloadJob(job, worker))
            return;
        var other = prng.Pick(cluster.Workers.Where(some => some != worker).ToArray());
        strikes.Strike(
            prng.Pick([InjectedFault.WorkerCrash, InjectedFault.ConnectionReset, InjectedFault.CutWorkersBothWays, InjectedFault.Leave]),
            other);
    }

    private void LookForOldTimeline()
    {
        if (frozen is null)
        {
            FreezeHolder();
            return;
        }

        var others = cluster.Workers.Where(worker => worker != frozen && worker is { Alive: true, Frozen: false }).ToArray();
        var reached = others.SelectMany(worker => worker.Agent.Ranks).Select(rank => rank.HeldStep).Append(-1).Max();
        if (!frozen.Frozen || frozen.Life != frozenLife || (cluster.Checkers.Final.Restored > restoredBefore && reached >= HeldBy(frozen)))
        {
            // It thawed by itself or died, or the others are as far as it was.
            done = true;
            frozen.Thaw();
            return;
        }

        if (cluster.Checkers.Final.Restored == restoredBefore || others.Length == 0)
            return;
        watch.Refresh();
        if (watch.PhaseOf(others.MinBy(worker => Math.Abs((int)watch.PhaseOf(worker) - (int)cell.Phase))!) == cell.Phase)
        {
            count(cell.Kind, frozen, cell.Phase);
            done = true;
            frozen.Thaw();
        }
        else if (world.Now >= notBefore && provoked < MostProvocations)
        {
            provoked++;
            notBefore = world.Now + (Pause / 8);
            Steer(prng.Pick(others), others);
        }
    }

    private void FreezeHolder()
    {
        if (world.Now < notBefore || cluster.Checkers.Final.Saved == 0 || cluster.Checkers.Final.IsWaiting)
            return;
        notBefore = world.Now + (Pause / 25);
        var holders = cluster.Workers.Where(worker => worker is { Alive: true, Frozen: false, Leaving: false }
            && HeldBy(worker) >= Math.Max(2, cluster.Checkers.Steps.Highest)).ToArray();
        if (holders.Length == 0)
            return;
        frozen = prng.Pick(holders);
        frozenLife = frozen.Life;
        restoredBefore = cluster.Checkers.Final.Restored;
        strikes.LeaveOneFrozen(frozen);
    }

    /// <summary>Phases of a job that runs come by themselves; the others are brought about.</summary>
    private void Steer(SimulatedWorker other, SimulatedWorker[] others)
    {
        switch (cell.Phase)
        {
            case ProtocolPhase.NoSilo:
                strikes.Strike(InjectedFault.SiloCrash, other);
                break;
            case ProtocolPhase.Waiting:
                foreach (var worker in others)
                    strikes.Strike(InjectedFault.CutSiloBothWays, worker);
                break;
            case ProtocolPhase.Deciding or ProtocolPhase.Preparing or ProtocolPhase.Planning:
                strikes.Strike(InjectedFault.ConnectionReset, other);
                break;
        }
    }

    private static long HeldBy(SimulatedWorker worker) => worker.Agent.Ranks.Select(rank => rank.HeldStep).Append(-1).Max();
}
