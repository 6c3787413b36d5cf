using Coordinator.Machines.Jobs.Policies;
using Coordinator.Simulator.Workers;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Faults;

/// <summary>
/// The job's program is a process beside each rank, with what goes wrong with such processes: each start takes its own time, often longer
/// than an answer may; one hangs until its worker ends it; one computes a shard again and finds other bits; and on one node programs say,
/// once the job trains, that they are made up otherwise than the job's. Those must never be given a plan.
/// </summary>
internal sealed class ProgramFaults
{
    private const string Made = "toy-1 schema=aa state0=bb";
    private const string Identity = $"{Made} probe=cc";

    /// <summary>
    /// Most of them in a seed: a job whose programs fail alike again and again, without a step between, ends by its own rules.
    /// </summary>
    private const int Most = 4;

    /// <summary>
    /// Most of them before the job has come a few steps far: what fails alike in <see cref="FaultPolicy.Generations"/> generations before
    /// anything was computed is the job's own fault.
    /// </summary>
    private const int MostAtFirst = FaultPolicy.Generations - 1;

    private const long FewSteps = 3;

    private readonly VirtualWorld world;
    private readonly SimulatedCluster cluster;
    private readonly Prng prng;
    private readonly TimeSpan answerTimeout;
    private readonly SimulatedWorker? liar;
    private bool active = true;
    private int left = Most;

    private ProgramFaults(VirtualWorld world, SimulatedCluster cluster, Scenario scenario)
    {
        (this.world, this.cluster) = (world, cluster);
        prng = Prng.Derive(world.Seed, "programs");
        answerTimeout = scenario.Spec.FaultTolerance.AnswerTimeout;
        var picked = prng.Pick(cluster.Workers);

        // A node with another program takes no part while its worker lives, so the job has to be able to do without its gpus.
        liar = scenario.Spec.MinRanks <= (scenario.Nodes - 1) * scenario.GpusPerNode ? picked : null;
    }

    /// <summary>How many struck, slow starts not counted.</summary>
    public int Struck => Most - left;

    /// <summary>Programs that said what they are not.</summary>
    public int Lies { get; private set; }

    /// <summary>From now on, where the options ask for it; before any worker starts.</summary>
    public static ProgramFaults? Begin(VirtualWorld world, SimulatedCluster cluster, Scenario scenario)
    {
        if (!world.Options.Programs)
            return null;
        var faults = new ProgramFaults(world, cluster, scenario);
        foreach (var worker in cluster.Workers)
            worker.Programs = faults;
        if (world.Options.Faults)
            faults.Schedule();
        return faults;
    }

    /// <summary>Nothing strikes any more; a program that has lied stays one that is not the job's.</summary>
    public void End() => active = false;

    /// <summary>How long the next program takes to start: nothing, as long as an answer may, or several times that.</summary>
    public TimeSpan NextStart() => !world.Options.Faults ? TimeSpan.Zero : answerTimeout * (prng.Below(4) * prng.Unit());

    /// <summary>What the program of a rank that is made now says of itself.</summary>
    public string NextIdentity(SimulatedWorker worker)
    {
        if (worker != liar || !active || !cluster.Checkers.Orders.PlansMade || !world.Options.Faults)
            return Identity;
        Lies++;
        return $"{Made} probe=other-{Lies}";
    }

    /// <summary>Whether a rank with this identity may be given a plan.</summary>
    public static bool IsJobs(string identity) => identity.Length == 0 || identity == Identity;

    private void Schedule() => world.Schedule(prng.Between(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(2)), () =>
    {
        if (!active || left == 0)
            return;
        Strike(prng.Pick(cluster.Workers));
        Schedule();
    });

    /// <summary>It never takes the last state.</summary>
    private void Strike(SimulatedWorker victim)
    {
        if (victim is not { Alive: true, Frozen: false } || !victim.Agent.Ranks.Any()
            || (Struck >= MostAtFirst && cluster.Checkers.Steps.Highest < FewSteps)
            || cluster.WouldLoseState(victim))
        {
            return;
        }

        left--;
        var rank = victim.Agent.Ranks.ElementAt(prng.Below(victim.Agent.Ranks.Count()));
        switch (prng.Below(3))
        {
            case 0:
                world.Note("fault", "ProgramHangs", 0, 0, rank.Gpu);
                rank.Hang(prng.Between(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(2)));
                break;
            case 1:
                world.Note("fault", "ProgramDies", 0, 0, rank.Gpu);
                rank.FailProgram("the program ended while it was needed", NextStart(), disagrees: false);
                break;
            default:
                world.Note("fault", "ProgramDisagrees", 0, 0, rank.Gpu);
                rank.FailProgram("a shard has another gradient when it is computed again at once", NextStart(), disagrees: true);
                break;
        }
    }
}
