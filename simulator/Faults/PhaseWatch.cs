using Coordinator.Machines;
using Coordinator.Simulator.Workers;

namespace Coordinator.Simulator.Faults;

/// <summary>Tells the phase that the protocol is in, from what machines have decided and what left them; changes nothing.</summary>
internal sealed class PhaseWatch
{
    private readonly SimulatedCluster cluster;
    private readonly ProtocolPhase?[] seen;
    private long decided;

    public PhaseWatch(SimulatedCluster cluster)
    {
        this.cluster = cluster;
        seen = new ProtocolPhase?[cluster.Workers.Count];
        cluster.Silo.OnDecided = OnDecided;
    }

    /// <summary>Looks again: something has happened.</summary>
    public void Refresh() => Array.Clear(seen);

    /// <summary>
    /// The phase of a worker, by index, as it was when it was first asked for since the last <see cref="Refresh"/>: several faults may wait
    /// for it.
    /// </summary>
    public ProtocolPhase SeenPhaseOf(int worker) => seen[worker] ??= PhaseOf(cluster.Workers[worker]);

    public ProtocolPhase PhaseOf(SimulatedWorker worker)
    {
        var orders = cluster.Checkers.Orders;
        if (!cluster.Silo.Alive || cluster.Silo.Frozen)
            return ProtocolPhase.NoSilo;
        if (decided > orders.NewestGeneration)
            return ProtocolPhase.Deciding;
        if (orders.NewestGeneration == 0 || cluster.Checkers.Final.IsWaiting)
            return ProtocolPhase.Waiting;
        if (!orders.NewestPlanned)
            return orders.NewestAnswered ? ProtocolPhase.Planning : ProtocolPhase.Preparing;
        var foremost = ProtocolPhase.Outside;
        if (!worker.Alive)
            return foremost;
        foreach (var rank in worker.Agent.Ranks)
        {
            var phase = PhaseOf(rank.Activity);
            if (Precedence(phase) < Precedence(foremost))
                foremost = phase;
        }

        return foremost;
    }

    private static ProtocolPhase PhaseOf(string activity) => activity switch
    {
        "initialising" => ProtocolPhase.Initialising,
        "catching up" => ProtocolPhase.CatchingUp,
        "promised" => ProtocolPhase.Planning,
        "applying" => ProtocolPhase.Applying,
        "finished" => ProtocolPhase.Finishing,
        "computing" => ProtocolPhase.Computing,
        "reducing" => ProtocolPhase.Collective,
        _ => ProtocolPhase.Outside,
    };

    /// <summary>Of a worker's ranks, the one in the rarer phase counts.</summary>
    private static int Precedence(ProtocolPhase phase) => phase switch
    {
        ProtocolPhase.Initialising => 0,
        ProtocolPhase.CatchingUp => 1,
        ProtocolPhase.Planning => 2,
        ProtocolPhase.Finishing => 3,
        ProtocolPhase.Applying => 4,
        ProtocolPhase.Collective => 5,
        ProtocolPhase.Computing => 6,
        _ => 7,
    };

    private void OnDecided(GrainAddress grain, Output output)
    {
        if (output is not ObserveEvent { Event: var observed } || grain.Kind != GrainKind.Job)
            return;
        if (observed.Kind == EventKinds.GenerationForming)
            decided = observed.Generation ?? 0;
        else if (observed.Kind == EventKinds.JobActivated)
            decided = 0;
    }
}
