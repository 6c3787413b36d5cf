using Coordinator.Simulator.Workers;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Faults;

/// <summary>
/// Waits for the cues of a seed's faults, lets them strike, and counts them by phase. A fault whose cue finds nothing to strike is tried
/// again at its next cue; and as the job goes on, faults are added until the seed has had <see cref="MinFaults"/> of them.
/// </summary>
internal sealed class FaultInjector
{
    /// <summary>Faults that every seed has at least.</summary>
    public const int MinFaults = 3;

    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(6);

    private readonly VirtualWorld world;
    private readonly SimulatedCluster cluster;
    private readonly long steps;
    private readonly PhaseWatch watch;
    private readonly FaultStrikes strikes;
    private readonly List<PlannedFault> planned = [];
    private readonly List<PhaseCue> byPhase = [];
    private readonly InjectedFault[] kinds;
    private readonly AimedFault? aimed;
    private readonly StagedFault? staged;
    private bool active = true;
    private bool toppingUp;

    public FaultInjector(
        VirtualWorld world,
        SimulatedCluster cluster,
        Scenario scenario,
        IReadOnlyList<PlannedFault> faults,
        FaultAim? aim,
        StagedCell? stage)
    {
        (this.world, this.cluster, steps) = (world, cluster, scenario.Steps);
        watch = new PhaseWatch(cluster);
        strikes = new FaultStrikes(world, cluster, () => active, CountFault);
        kinds = [.. faults.Select(fault => fault.Kind).Where(kind => kind != InjectedFault.AllWorkersKilled)];
        foreach (var fault in faults)
            Plan(fault);
        if (aim is not null)
            aimed = new AimedFault(aim, cluster, watch, strikes, world.Faults, () => Struck.ContainsKey((aim.Phase, aim.Kind)));
        if (stage is not null)
            staged = new StagedFault(stage, world, cluster, scenario.Job, watch, strikes, CountFault);
        if (aim?.Opening is { } opening)
            Plan(opening);
        cluster.Moments.StepApplied = OnStep;
        cluster.Moments.Reached = (moment, nth, where) => Fire(fault => fault.Moment == moment && fault.Nth <= nth, where);
        if (faults.Count == 0)
            return;
        world.AfterEvent = LookForPhases;

        // A job may take long to begin, where writes fail, say: until its steps give cues, time does.
        for (var nth = 1; nth <= MinFaults; nth++)
        {
            var least = nth;
            world.Schedule(nth * StartPatience, () =>
            {
                if (active && Total < least)
                    StrikeSomething();
            });
        }
    }

    /// <summary>Faults that struck, by phase and name.</summary>
    public SortedDictionary<(ProtocolPhase Phase, InjectedFault Kind), int> Struck { get; } = [];

    /// <summary>How many.</summary>
    public int Total { get; private set; }

    /// <summary>Whether all workers were killed at once after somebody had begun to train.</summary>
    public bool LostState { get; private set; }

    /// <summary>Whether all planned faults have had their cue, and enough of them struck.</summary>
    public bool IsSpent =>
        planned.Count == 0 && byPhase.Count == 0 && aimed is null or { IsSpent: true } && staged is null or { IsSpent: true }
            && (kinds.Length == 0 || Total >= MinFaults);

    private Prng Prng => world.Faults;

    /// <summary>The phase that a worker is in now.</summary>
    public ProtocolPhase PhaseOf(SimulatedWorker worker) => watch.PhaseOf(worker);

    /// <summary>Operators have done something, which is no fault, in the phase of now.</summary>
    public void Count(InjectedFault kind, SimulatedWorker worker)
    {
        var cell = (watch.PhaseOf(worker), kind);
        Struck[cell] = Struck.GetValueOrDefault(cell) + 1;
    }

    /// <summary>From now on nothing strikes, and everything is put right.</summary>
    public void HealForGood()
    {
        active = false;
        planned.Clear();
        byPhase.Clear();
        world.AfterEvent = null;
        world.Note("world", "heals");
        strikes.HealAll();
    }

    private void Plan(PlannedFault fault)
    {
        if (fault.Phase is not null)
            byPhase.Add(new PhaseCue(fault));
        else
            planned.Add(fault);
    }

    private void OnStep(long step)
    {
        Fire(fault => fault.Step <= step, null);

        // By a quarter, a half and three quarters of the job there have been one, two and three faults.
        if (!active || kinds.Length == 0 || toppingUp || Total >= Math.Min(MinFaults, step * 4 / steps))
            return;
        toppingUp = true;
        world.Schedule(TimeSpan.Zero, () =>
        {
            toppingUp = false;
            if (active)
                StrikeSomething();
        });
    }

    private void Fire(Predicate<PlannedFault> cue, SimulatedWorker? where)
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
                    Strike(fault, where is not null && Prng.Chance(0.6) ? where : Prng.Pick(cluster.Workers));
            });
        }
    }

    /// <summary>Between two events, so that a fault strikes in the very phase that is its cue.</summary>
    private void LookForPhases()
    {
        watch.Refresh();
        for (var i = 0; i < byPhase.Count; i++)
        {
            var cue = byPhase[i];
            var victim = cue.Fault.Victim ?? FirstIn(cue.Fault.Phase);
            var inside = victim >= 0 && watch.SeenPhaseOf(victim) == cue.Fault.Phase;
            if (inside && !cue.Inside)
                cue.Entered++;
            cue.Inside = inside;
            if (!inside || cue.Entered < cue.Fault.Nth || !strikes.IsReady(cue.Fault.Kind, cluster.Workers[victim]))
                continue;
            byPhase.RemoveAt(i--);
            Strike(cue.Fault, cluster.Workers[victim]);
            watch.Refresh();
        }

        if (aimed is { IsSpent: false })
            aimed.Look();
        if (staged is { IsSpent: false })
            staged.Look();
    }

    /// <summary>The first worker that is in a phase, or -1.</summary>
    private int FirstIn(ProtocolPhase? phase)
    {
        var worker = 0;
        while (worker < cluster.Workers.Count && watch.SeenPhaseOf(worker) != phase)
            worker++;
        return worker < cluster.Workers.Count ? worker : -1;
    }

    private void Strike(PlannedFault fault, SimulatedWorker victim)
    {
        if (fault.Kind == InjectedFault.AllWorkersKilled)
        {
            // What comes after may be only waiting: the other faults of the seed come before.
            while (Total < MinFaults - 1)
                StrikeSomething();
            LostState |= cluster.Checkers.Orders.PlansMade;
        }

        if (!strikes.Strike(fault.Kind, victim) && fault.Tries > 0)
        {
            Plan(fault with
            {
                Tries = fault.Tries - 1,
                Nth = 1,
                Step = fault.Phase is null ? cluster.Checkers.Steps.Highest + 1 : null,
                Moment = null,
            });
        }
    }

    private void StrikeSomething()
    {
        var before = Total;
        for (var tries = 0; tries < 4 && Total == before; tries++)
            strikes.Strike(Prng.Pick(kinds), Prng.Pick(cluster.Workers));
        if (Total == before)
            strikes.Strike(InjectedFault.SlowRank, Prng.Pick(cluster.Workers));
    }

    private void CountFault(InjectedFault kind, SimulatedWorker victim, ProtocolPhase phase)
    {
        Total++;
        Struck[(phase, kind)] = Struck.GetValueOrDefault((phase, kind)) + 1;
        world.Note("fault", kind.ToString(), (long)phase, 0, victim.Node);
    }

    private void CountFault(InjectedFault kind, SimulatedWorker victim) => CountFault(kind, victim, watch.PhaseOf(victim));

    private sealed class PhaseCue(PlannedFault fault)
    {
        public PlannedFault Fault => fault;

        public bool Inside { get; set; }

        public int Entered { get; set; }
    }
}
