using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Faults;

/// <summary>
/// The site's power in mid-run: a cap that feeds some of the gpus, or none, is set when a step is applied, and raised later, again and
/// again.
/// No fault, since nothing breaks, but it meets those that strike meanwhile. In every eighth seed, but where a bug is planted, and wherever
/// the options ask for it.
/// Draws from a stream of its own, so that it moves nothing of the other seeds.
/// </summary>
internal sealed class PowerSwings
{
    private const long GpuWatts = 700;

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private readonly VirtualWorld world;
    private readonly SimulatedCluster cluster;
    private readonly Prng prng;
    private readonly Queue<long> steps;
    private readonly int gpus;
    private readonly TimeSpan longest;
    private bool over;

    private PowerSwings(VirtualWorld world, SimulatedCluster cluster, Scenario scenario)
    {
        (this.world, this.cluster) = (world, cluster);
        prng = Prng.Derive(world.Seed, "power");
        gpus = scenario.Nodes * scenario.GpusPerNode;
        longest = world.Options.Faults ? TimeSpan.FromSeconds(3) : TimeSpan.FromSeconds(1);
        steps = new Queue<long>(Enumerable.Range(0, prng.Between(1, 3)).Select(_ => (long)prng.Below((int)scenario.Steps - 2)).Order());
        var ramp = prng.Chance(0.5) ? GpuWatts * prng.Between(1, gpus) : (long?)null;
        Tell(new PowerSet(new PowerSettings { WattsPerGpu = GpuWatts, WattsPerNode = 0, RampWattsPerSecond = ramp }));
        LookForStep();
    }

    /// <summary>Caps that were lowered.</summary>
    public int Count { get; private set; }

    /// <summary>The swings of a seed, from its start; null: it has none.</summary>
    public static PowerSwings? Begin(VirtualWorld world, SimulatedCluster cluster, Scenario scenario) =>
        world.Options.Power || (world.Options is { Faults: true, Plant: PlantedBug.None } && world.Seed % 8 == 5)
            ? new PowerSwings(world, cluster, scenario)
            : null;

    /// <summary>From now on there is power for all.</summary>
    public void End()
    {
        over = true;
        cluster.Silo.Post(TimeSpan.Zero, () => cluster.Silo.Tell(GrainAddress.Cluster, new PowerSet(null)));
    }

    private void LookForStep() => world.Schedule(Look, () =>
    {
        if (over || steps.Count == 0)
            return;
        if (steps.Peek() > cluster.Checkers.Steps.Highest)
            LookForStep();
        else
            Lower(prng.Below(gpus));
    });

    private void Lower(int fed)
    {
        steps.Dequeue();
        Count++;
        Tell(new SiteCapSet(fed * GpuWatts));
        world.Note("world", "lowers the cap", fed);
        world.Schedule(prng.Between(0.4 * longest, longest), () =>
        {
            if (over)
                return;
            Check(fed);
            Tell(new SiteCapSet(null));
            world.Note("world", "raises the cap");
            LookForStep();
        });
    }

    /// <summary>
    /// Without faults, what is not fed is given back within the time that a few steps take; the last member stays. A job with too few for
    /// its minimum waits, and announces no generation.
    /// </summary>
    private void Check(int fed)
    {
        if (!world.Options.Faults && cluster.Checkers.Final is { IsOver: false, IsWaiting: false }
            && cluster.Checkers.Orders.Newest is { } newest && newest.Members.Count > Math.Max(1, fed))
        {
            cluster.Checkers.Fail(Invariants.PowerCapHeld, $"{newest.Members.Count} gpus run where the site can feed {fed}");
        }
    }

    /// <summary>An operator says it until a silo hears it.</summary>
    private void Tell(GrainMessage message)
    {
        if (over)
            return;
        if (cluster.Silo is { Alive: true, Frozen: false })
        {
            // What is still on its way when there is power for all again would lower the cap for good.
            cluster.Silo.Post(TimeSpan.FromMilliseconds(1), () =>
            {
                if (!over)
                    cluster.Silo.Tell(GrainAddress.Cluster, message);
            });
        }
        else
        {
            world.Schedule(Look, () => Tell(message));
        }
    }
}
