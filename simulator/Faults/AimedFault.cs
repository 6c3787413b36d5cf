using Coordinator.Simulator.Workers;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Faults;

/// <summary>
/// Brings a seed's <see cref="FaultAim"/> about: looks after every event whether the fault can strike in the phase, and helps where one of
/// the two would not come by itself, by other faults, which count like any. The fault itself counts where it takes effect, as always; one
/// that took effect elsewhere is tried again.
/// </summary>
internal sealed class AimedFault(
    FaultAim aim, SimulatedCluster cluster, PhaseWatch watch, FaultStrikes strikes, Prng prng, Func<bool> isMet)
{
    private const int MostStrikes = 8;
    private const int MostProvocations = 6;

    private int struck;
    private int provoked;
    private bool prepared;
    private bool prolonged;

    /// <summary>Whether there is nothing more to look for.</summary>
    public bool IsSpent => struck >= MostStrikes || isMet();

    public void Look()
    {
        if (cluster.Checkers.Steps.Highest < aim.Step)
            return;
        if (!prepared)
            Prepare();
        if (aim is { Phase: ProtocolPhase.NoSilo, NeedsWrite: true })
            FreezeWithWrite();
        watch.Refresh();
        for (var i = 0; i < cluster.Workers.Count; i++)
        {
            if (watch.SeenPhaseOf(i) != aim.Phase)
                continue;
            var worker = cluster.Workers[i];
            if (!strikes.IsReady(aim.Kind, worker))
                Provoke(worker);
            else if (strikes.Strike(aim.Kind, worker))
                struck++;
            else
                continue;
            return;
        }
    }

    private void Prepare()
    {
        switch (aim)
        {
            case { Phase: ProtocolPhase.Initialising } when watch.PhaseOf(
                cluster.Workers[0]) is ProtocolPhase.Preparing or ProtocolPhase.Planning:
                // The device is slow before it begins.
                foreach (var worker in cluster.Workers)
                    strikes.Strike(InjectedFault.SlowRank, worker);
                prepared = true;
                break;
            case { Phase: ProtocolPhase.Outside, Kind: InjectedFault.CorruptFrame }:
                // A worker without rank has open connections only while nobody knows that its device has failed.
                var victim = prng.Pick(cluster.Workers);
                strikes.Strike(InjectedFault.CutToSilo, victim);
                for (var ranks = 0; ranks < cluster.MostRanksOfWorker && watch.PhaseOf(victim) != ProtocolPhase.Outside; ranks++)
                    strikes.Strike(InjectedFault.DeviceFault, victim);
                prepared = true;
                break;
            case { Phase: not ProtocolPhase.Initialising }:
                prepared = true;
                break;
        }
    }

    /// <summary>A write is under way while its silo is frozen, and so is beyond its help.</summary>
    private void FreezeWithWrite()
    {
        if (cluster.Silo is { Alive: true, Frozen: false } && strikes.IsReady(aim.Kind, cluster.Workers[0]))
            strikes.Strike(InjectedFault.SiloFreeze, prng.Pick(cluster.Workers));
    }

    /// <summary>
    /// The phase is there and what the fault needs is not: a fetch is made longer, and a write is made, by a grain that is loaded anew.
    /// </summary>
    private void Provoke(SimulatedWorker worker)
    {
        if (!aim.NeedsWrite || cluster.Silo.Frozen || cluster.Silo.Disk.IsWriteComing || cluster.Silo.Disk.HasUnsynced)
            return;
        if (!prolonged && aim.Phase == ProtocolPhase.CatchingUp)
            prolonged = strikes.Strike(InjectedFault.SlowNetwork, worker);
        if (provoked < MostProvocations && strikes.ReloadCluster(worker))
            provoked++;
    }
}
