using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Simulator.Workers;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Faults;

/// <summary>
/// Operators drain nodes and gpus in mid-run, with a last moment or without, and give them back. No fault, since nothing breaks, but it
/// meets those that strike meanwhile. In every eighth seed, but where another bug than one of drains is planted, and wherever the options
/// ask for it. The first that they do is aimed at a cell of the table, the cells in turn. Draws from a stream of its own, so that it moves
/// nothing of the other seeds.
/// </summary>
internal sealed class Maintenance
{
    private const ulong Every = 8;
    private const ulong Which = 6;
    private const int MostTries = 8;

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    /// <summary>Where nothing fails, and the job can do without what is drained, it has left after so long.</summary>
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    private readonly VirtualWorld world;
    private readonly SimulatedCluster cluster;
    private readonly Scenario scenario;
    private readonly FaultInjector injector;
    private readonly Prng prng;
    private readonly (ProtocolPhase Phase, InjectedFault Kind) aim;
    private readonly Queue<long> steps;
    private readonly Queue<Act> waiting = new();
    private Act? current;
    private int tries;
    private bool over;

    private Maintenance(VirtualWorld world, SimulatedCluster cluster, Scenario scenario, FaultInjector injector)
    {
        (this.world, this.cluster, this.scenario, this.injector) = (world, cluster, scenario, injector);
        prng = Prng.Derive(world.Seed, "drains");
        aim = FaultTable.OperatorCells[(int)(world.Seed / Every % (ulong)FaultTable.OperatorCells.Count)];
        steps = new Queue<long>(Enumerable.Range(0, prng.Between(1, 4)).Select(_ => (long)prng.Below((int)scenario.Steps - 2)).Order());
        cluster.Checkers.Drains.IsWatching = true;
        world.AfterEvent += LookForPhase;
        LookForStep();
    }

    /// <summary>What operators say until they have their answer. Without gpus and with a node: the whole node.</summary>
    private sealed record Act(InjectedFault Kind, IReadOnlyList<Drain> Drains);

    /// <summary>Drains that are in force and not done.</summary>
    public IReadOnlyList<Drain> Open => [.. cluster.Checkers.Drains.Durable.Where(drain => !drain.Done)];

    /// <summary>The maintenance of a seed, from its start; null: it has none.</summary>
    public static Maintenance? Begin(VirtualWorld world, SimulatedCluster cluster, Scenario scenario, FaultInjector injector) =>
        world.Options.Drains || IsOfDrains(world.Options.Plant)
            || (world.Options is { Faults: true, Plant: PlantedBug.None } && world.Seed % Every == Which)
            ? new Maintenance(world, cluster, scenario, injector)
            : null;

    private static bool IsOfDrains(PlantedBug plant) =>
        plant is PlantedBug.StaleOfferTaken or PlantedBug.DrainedLetGoEarly or PlantedBug.DrainsForgotten;

    /// <summary>
    /// From now on nothing is drained that was not. Some of what is drained stays so, for good, as long as the job can go on with the rest.
    /// </summary>
    public void End()
    {
        over = true;
        waiting.Clear();
        var drained = cluster.Checkers.Drains.Durable.ToList();
        var ended = current is { Kind: not InjectedFault.Uncordon } ? current.Drains.ToList() : [];
        current = null;
        drained.RemoveAll(drain => ended.Any(other => other.Target == drain.Target));
        while (drained.Count > 0 && (prng.Chance(0.4) || UndrainedBeside(drained) < scenario.Spec.MinRanks))
        {
            var drain = prng.Pick(drained);
            drained.Remove(drain);
            ended.Add(drain);
        }

        if (ended.Count > 0)
            Say(new Act(InjectedFault.Uncordon, ended));
        HelpLater();
    }

    /// <summary>A job that says that it waits for what is drained gets it.</summary>
    private void HelpLater() => world.Schedule(Bound, () =>
    {
        var final = cluster.Checkers.Final;
        if (final.IsOver)
            return;
        if (final is { IsWaiting: true, LastWait: { } text } && text.Contains("may hold the job's state", StringComparison.Ordinal)
            && current is null && cluster.Checkers.Drains.Durable is { Count: > 0 } drains)
        {
            Say(new Act(InjectedFault.Uncordon, drains));
        }
        else
        {
            HelpLater();
        }
    });

    private int UndrainedBeside(List<Drain> drains) => cluster.Workers.Sum(worker => Enumerable.Range(0, scenario.GpusPerNode)
        .Count(gpu => !drains.Any(drain => drain.Covers(new GpuId(worker.Node, gpu)))));

    private void LookForPhase()
    {
        if (over || tries >= MostTries || current is not null || !cluster.Checkers.Final.Submitted)
            return;
        foreach (var worker in cluster.Workers.Where(worker => injector.PhaseOf(worker) == aim.Phase))
        {
            if (aim.Kind == InjectedFault.Uncordon && !DrainsOf(worker).Any())
            {
                if (waiting.Count == 0)
                    Begin(InjectedFault.DrainNode, worker, staysLong: true);
                continue;
            }

            tries = injector.Struck.ContainsKey((aim.Phase, aim.Kind)) ? MostTries : tries + 1;
            Begin(aim.Kind, worker, staysLong: false);
            return;
        }
    }

    private void LookForStep() => world.Schedule(Look, () =>
    {
        if (over)
            return;
        if (steps.Count > 0 && steps.Peek() <= cluster.Checkers.Steps.Highest && current is null)
        {
            steps.Dequeue();
            Begin(prng.Chance(0.5) ? InjectedFault.DrainNode : InjectedFault.DrainGpu, prng.Pick(cluster.Workers), staysLong: false);
        }

        LookForStep();
    });

    private IEnumerable<Drain> DrainsOf(SimulatedWorker worker) =>
        cluster.Checkers.Drains.Durable.Where(drain => drain.Node == worker.Node);

    private void Begin(InjectedFault kind, SimulatedWorker worker, bool staysLong)
    {
        if (cluster.Silo is not { Alive: true, Frozen: false })
            return;
        if (kind == InjectedFault.Uncordon)
        {
            Say(new Act(kind, [prng.Pick(DrainsOf(worker).ToList())]));
        }
        else
        {
            var until = prng.Chance(0.5) ? world.TimeOfDay + prng.Between(TimeSpan.Zero, TimeSpan.FromSeconds(2)) : (DateTimeOffset?)null;
            var gpu = kind == InjectedFault.DrainGpu ? prng.Below(scenario.GpusPerNode) : (int?)null;
            Say(new Act(kind, [new Drain(worker.Node, gpu, $"work {world.TimeOfDay.Ticks}", "operator", world.TimeOfDay, until)]));
            var share = prng.Unit();
            if (prng.Chance(0.8))
            {
                var target = current!.Drains[0].Target;
                world.Schedule(
                    TimeSpan.FromMilliseconds((staysLong ? 200 : 10) + (3000 * share * share)), () => EndLater(target));
            }
        }

        injector.Count(kind, worker);
    }

    private void EndLater(string target)
    {
        if (over || cluster.Checkers.Drains.Durable.FirstOrDefault(drain => drain.Target == target) is not { } drain)
            return;
        if (current is null && cluster.Silo is { Alive: true, Frozen: false })
        {
            var worker = cluster.Workers.First(worker => worker.Node == drain.Node);
            Say(new Act(InjectedFault.Uncordon, [drain]));
            injector.Count(InjectedFault.Uncordon, worker);
        }
        else
        {
            world.Schedule(Look, () => EndLater(target));
        }
    }

    /// <summary>Operators say it until they have their answer, which they have when it is durable.</summary>
    private void Say(Act act)
    {
        current = act;
        if (act.Kind == InjectedFault.Uncordon)
        {
            foreach (var drain in act.Drains)
                cluster.Checkers.Drains.OnEnding(drain.Target);
        }

        world.Note("world", act.Kind.ToString(), 0, 0, string.Join(", ", act.Drains.Select(drain => drain.Target)));
        Repeat(act);
    }

    private void Repeat(Act act)
    {
        if (current != act)
            return;
        if (IsDurable(act))
        {
            current = null;
            if (act.Kind != InjectedFault.Uncordon)
                OnAnswered(act.Drains[0]);
            return;
        }

        if (cluster.Silo is { Alive: true, Frozen: false })
            cluster.Silo.Tell(GrainAddress.Cluster, MessageOf(act));
        world.Schedule(Look, () => Repeat(act));
    }

    private static GrainMessage MessageOf(Act act)
    {
        NodeId[] nodes = [.. act.Drains.Where(drain => drain.Gpu is null).Select(drain => drain.Node)];
        GpuId[] gpus = [.. act.Drains.Where(drain => drain.Gpu is not null).Select(drain => new GpuId(drain.Node, drain.Gpu!.Value))];
        var first = act.Drains[0];
        return act.Kind == InjectedFault.Uncordon
            ? new UncordonOrdered(nodes, gpus, "operator")
            : new DrainOrdered(nodes, gpus, first.Reason, first.By, first.Since, first.Until);
    }

    private bool IsDurable(Act act)
    {
        var durable = cluster.Checkers.Drains.Durable;
        return act.Kind == InjectedFault.Uncordon
            ? !act.Drains.Any(drain => durable.Any(other => other.Target == drain.Target))
            : durable.Any(drain => drain.Target == act.Drains[0].Target && drain.Reason == act.Drains[0].Reason);
    }

    private void OnAnswered(Drain drain)
    {
        cluster.Checkers.Drains.OnAnswered(drain);
        if (world.Options.Faults)
            return;
        var wait = drain.Until is { } until && until > world.TimeOfDay ? until - world.TimeOfDay + Bound : Bound;
        world.Schedule(wait, () => CheckEnd(drain));
    }

    /// <summary>Where nothing fails, what is drained is left soon, if the job can go on with what is not.</summary>
    private void CheckEnd(Drain drain)
    {
        if (Open.FirstOrDefault(open => open.Target == drain.Target && open.Reason == drain.Reason) is null
            || cluster.Checkers.Final.IsOver || UndrainedBeside([.. cluster.Checkers.Drains.Durable]) < scenario.Spec.MinRanks)
        {
            return;
        }
        cluster.Checkers.Fail(Invariants.DrainEnds, $"{Bound.TotalSeconds} s after {drain.Target} was drained something is still there");
    }
}
