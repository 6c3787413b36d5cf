using System.Text.Json;
using Coordinator.Machines;
using Coordinator.Simulator.Checks;
using Coordinator.Simulator.Faults;
using Coordinator.Simulator.Workers;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator;

/// <summary>One seed: a safety phase with faults, then everything is healed and the job has to end.</summary>
internal sealed class ProtocolRun
{
    /// <summary>The faults' time; what had no cue by then has none.</summary>
    private static readonly TimeSpan SafetyPhase = TimeSpan.FromSeconds(25);

    private static readonly TimeSpan ReleaseBound = TimeSpan.FromSeconds(20);

    private readonly VirtualWorld world;
    private readonly Scenario scenario;
    private readonly ToyModel model;
    private readonly Checkers checkers;
    private readonly SimulatedCluster cluster;
    private readonly FaultInjector injector;
    private PowerSwings? power;
    private StepRaise? raise;
    private ProgramFaults? programs;
    private Maintenance? maintenance;

    public ProtocolRun(ulong seed, SimulationOptions options)
    {
        world = new VirtualWorld(seed, options);
        var aim = options.Faults ? FaultAim.Of(seed) : null;
        scenario = Scenario.Draw(world.Workload, world.Faults, options.Faults);
        scenario = aim?.Apply(scenario) ?? scenario;
        var stage = options.Faults ? StagedCell.Of(seed) : null;
        scenario = stage?.Apply(scenario) ?? scenario;
        scenario = StepRaise.Apply(seed, options, scenario);
        model = new ToyModel(scenario.Spec.Training.Seed, scenario.Spec.Training.Shards, scenario.ReducedBlocks, scenario.StateBlocks);
        checkers = new Checkers(options, scenario, model);
        checkers.Ledger = new LedgerChecker(world, scenario, checkers);
        cluster = new SimulatedCluster(world, scenario, checkers, model);
        var losesState = options.Faults && world.Faults.Chance(scenario.Spec.Checkpoint.Interval == "off" ? 0.06 : 0.25);
        injector = new FaultInjector(
            world, cluster, scenario, options.Faults ? PlannedFault.Draw(world.Faults, scenario, losesState) : [], aim, stage);
    }

    /// <summary>
    /// Ranks of living processes that have not gone home; the dead need not, and a slow device may write for longer than anybody waits.
    /// </summary>
    private IEnumerable<SimulatedRank> BusyRanks() =>
        cluster.Workers.Where(worker => worker.Alive).SelectMany(worker => worker.Agent.Ranks).Where(
            rank => !rank.IsIdle && !rank.IsOutlasted);

    private bool IsOver => checkers.Final.IsOver && raise is not { IsDone: false };

    /// <summary>Steps that the job has now.</summary>
    private long Steps => checkers.Final.Extended && !IsAsBefore ? scenario.Steps : scenario.SubmittedSteps;

    /// <summary>
    /// The job had finished when it was given more steps, and its checkpoints proved damaged: it is what it was, with its model.
    /// </summary>
    private bool IsAsBefore =>
        checkers.Final is { Reopened: true, Unreadable: > 0, Finished: true } final && final.FinishedAt == scenario.SubmittedSteps;

    public SimulationReport Run()
    {
        try
        {
            programs = ProgramFaults.Begin(world, cluster, scenario);
            cluster.Silo.Start();
            foreach (var worker in cluster.Workers)
                worker.Start();
            power = PowerSwings.Begin(world, cluster, scenario);
            raise = StepRaise.Begin(world, cluster, scenario);
            maintenance = Maintenance.Begin(world, cluster, scenario, injector);
            Submit();
            Until(SafetyPhase, () => IsOver || (injector.IsSpent && !injector.LostState && world.Now > TimeSpan.FromSeconds(3)));
            injector.HealForGood();
            power?.End();
            programs?.End();
            maintenance?.End();
            var healed = world.Now;
            Until(healed + world.Options.LivenessBound, () => IsOver);
            JudgeEnd();
            checkers.Ledger!.Judge();
            var over = world.Now;
            Until(over + ReleaseBound, () => !BusyRanks().Any() && maintenance is null or { Open.Count: 0 });
            if (maintenance?.Open is [var open, ..])
            {
                checkers.Fail(
                    Invariants.DrainEnds, $"{ReleaseBound.TotalSeconds} s after the job's end something is still at {open.Target}");
            }
            if (BusyRanks().FirstOrDefault() is { } busy)
                checkers.Fail(Invariants.Liveness, $"{busy.Gpu} was not released within {ReleaseBound.TotalSeconds} s after the job's end");
            return Report(null, "");
        }
        catch (InvariantViolationException violation)
        {
            return Report(violation.Invariant, violation.Message);
        }
#pragma warning disable CA1031 // Whatever a machine throws is a finding, with the seed that replays it.
        catch (Exception thrown)
#pragma warning restore CA1031
        {
            return Report(Invariants.MachineThrew, thrown.ToString());
        }
    }

    private void Until(TimeSpan limit, Func<bool> condition)
    {
        while (!condition())
        {
            if (!world.Step(limit))
                return;
            if (world.Events > world.Options.MaxEvents)
                checkers.Fail(Invariants.Liveness, $"{world.Events} events without an end: the processes talk in a circle");
        }
    }

    /// <summary>A client submits, and again until the job is there.</summary>
    private void Submit()
    {
        if (checkers.Final.Submitted)
            return;
        cluster.Silo.Post(
            TimeSpan.FromMilliseconds(1), () => cluster.Silo.Tell(GrainAddress.Of(scenario.Job), new SubmitJob(scenario.SubmittedSpec)));
        world.Schedule(TimeSpan.FromMilliseconds(500), Submit);
    }

    private void JudgeEnd()
    {
        if (injector.LostState && !checkers.Final.Finished)
        {
            if (checkers.Final.Saved > 0 && checkers.Final.Failed?.Contains("none of its", StringComparison.Ordinal) != true
                && checkers.Final.Failed is not null)
            {
                checkers.Fail(
                    Invariants.JobSound,
                    $"the job failed although it had saved {checkers.Final.Saved} checkpoints: {checkers.Final.Failed}");
            }
            if (checkers.Final.Failed is null || checkers.Final.Waits == 0)
                checkers.Fail(Invariants.Liveness, $"with all state lost the job neither waits aloud nor gives up: {Describe()}");
            return;
        }

        if (checkers.Final.Failed is { } reason)
        {
            checkers.Fail(Invariants.JobSound, $"the job failed although state was there all the time: {reason}");
            return;
        }

        if (!checkers.Final.Finished)
        {
            checkers.Fail(Invariants.Liveness, $"{world.Options.LivenessBound.TotalSeconds} s after everything was healed the job has not "
                + $"ended, at step {checkers.Steps.Highest} of {scenario.Steps}: {Describe()}");
        }
        if (checkers.Storage.LastStep != Steps && !IsAsBefore)
            checkers.Fail(Invariants.RecordedOnce, $"the job has ended with {checkers.Storage.LastStep} of {Steps} steps recorded");
        if (!cluster.Silo.Disk.HasModel(Steps))
            checkers.Fail(Invariants.FinalModel, "the job has ended without a model in the store");
    }

    private string Describe()
    {
        var text = cluster.Silo.Describe(GrainAddress.Of(scenario.Job));
        if (text is null or "null")
            return "no job";
        var view = JsonSerializer.Deserialize(text, MachinesJson.Default.JobView)!;
        return $"{view.Phase}, generation {view.Generation}, {view.Reason}; members "
            + $"{string.Join(", ", view.Members.Select(member => $"{member.Gpu} {member.State}{(member.Connected ? "" : " unreachable")}"))}";
    }

    private SimulationReport Report(string? invariant, string message) => new()
    {
        Seed = world.Seed,
        Plant = world.Options.Plant,
        Invariant = invariant,
        Message = message,
        VirtualTime = world.Now,
        Events = world.Events,
        StepsApplied = checkers.Steps.Applied,
        Steps = scenario.Steps,
        Generations = checkers.Orders.Memberships.Count,
        CapsLowered = power?.Count ?? 0,
        Power = world.Options.Power,
        StepsRaised = checkers.Final.Extended,
        MoreSteps = world.Options.MoreSteps,
        Programs = world.Options.Programs,
        Drains = world.Options.Drains,
        ProgramsFailed = programs?.Struck ?? 0,
        ProgramsRefused = programs?.Lies ?? 0,
        Faults = injector.Struck.ToDictionary(pair => (pair.Key.Phase.ToString(), pair.Key.Kind.ToString()), pair => pair.Value),
        TraceHash = world.Trace.Hash,
        LastTrace = invariant is null ? [] : world.Trace.Last(),
    };
}
