using Coordinator.Machines;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Faults;

/// <summary>
/// An operator gives the job more steps at some moment of its life, also at its end or after it: the job is submitted with fewer steps than
/// the scenario has, and given the others once. No fault, but it meets those that strike meanwhile. In every sixteenth seed, but where a
/// bug is planted, and wherever the options ask for it. Draws from a stream of its own, so that it moves nothing of the other seeds.
/// </summary>
internal sealed class StepRaise
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private readonly VirtualWorld world;
    private readonly SimulatedCluster cluster;
    private readonly Scenario scenario;
    private readonly long at;

    private StepRaise(VirtualWorld world, SimulatedCluster cluster, Scenario scenario, long at)
    {
        (this.world, this.cluster, this.scenario, this.at) = (world, cluster, scenario, at);
        LookForStep();
    }

    /// <summary>Whether the job has its steps; one that saves no checkpoints and had ended by then never gets them.</summary>
    public bool IsDone => cluster.Checkers.Final is { Extended: true } or { Failed: not null } || (
        cluster.Checkers.Final.Finished && scenario.Spec.Checkpoint.Interval == "off");

    /// <summary>
    /// The scenario of a seed, in which the job is submitted with fewer steps; the same, where it is not. A job without checkpoints may end
    /// before the operator is heard, and that is its end: it has nearly all of its steps, or no fault would have had its time.
    /// </summary>
    public static Scenario Apply(ulong seed, SimulationOptions options, Scenario scenario) => Has(seed, options)
        ? scenario with
        {
            FirstSteps = Prng.Derive(seed, "first steps").Between(
            scenario.Spec.Checkpoint.Interval == "off" ? (int)scenario.Steps - 2 : 3, (int)scenario.Steps - 2)
        }
        : scenario;

    /// <summary>The raise of a seed, from its start; null: it has none.</summary>
    public static StepRaise? Begin(VirtualWorld world, SimulatedCluster cluster, Scenario scenario)
    {
        if (!Has(world.Seed, world.Options))
            return null;

        // Behind the last step: after the end.
        var prng = Prng.Derive(world.Seed, "more steps");
        var latest = scenario.Spec.Checkpoint.Interval == "off" ? scenario.SubmittedSteps / 2 : scenario.SubmittedSteps + 2;
        return new StepRaise(world, cluster, scenario, Math.Min(prng.Below((int)latest + 1), scenario.SubmittedSteps + 1));
    }

    private static bool Has(ulong seed, SimulationOptions options) =>
        options.MoreSteps || (options is { Faults: true, Plant: PlantedBug.None } && seed % 16 == 7);

    private void LookForStep() => world.Schedule(Look, () =>
    {
        var final = cluster.Checkers.Final;
        if (IsDone)
            return;
        if (final.Submitted && (cluster.Checkers.Steps.Highest >= at || final.Finished) && cluster.Silo is { Alive: true, Frozen: false })
        {
            // An operator says it until the job has heard it; each time may be lost, or come twice.
            world.Note("world", "raises the steps", scenario.Steps);
            cluster.Silo.Post(
                TimeSpan.FromMilliseconds(1), () => cluster.Silo.Tell(GrainAddress.Of(scenario.Job), new ExtendJob(scenario.Steps, null)));
        }

        LookForStep();
    });
}
