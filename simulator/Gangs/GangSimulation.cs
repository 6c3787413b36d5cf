using System.Globalization;
using Coordinator.Machines;
using Coordinator.Machines.Gangs;
using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Gangs;

/// <summary>
/// A gang's life in virtual time, under faults from a seed: processes and workers that die, agents and hosts that freeze, hosts without
/// power, cuts from the silo and from each other, silos that die, messages that are lost, repeated and late, clocks that run differently.
/// Then all is healed, and the gang must come to its end.
/// </summary>
public static class GangSimulation
{
    private static readonly TimeSpan OrphanTime = TimeSpan.FromMilliseconds(100);

    /// <summary>A silo is away for no longer, whatever strikes it meanwhile.</summary>
    private static readonly TimeSpan LongestOutage = TimeSpan.FromSeconds(140);
    private static readonly TimeSpan HealLimit = TimeSpan.FromMinutes(30);

    /// <summary>Runs one seed.</summary>
    /// <param name="seed">Decides everything.</param>
    /// <param name="plant">A bug of the hosts.</param>
    /// <param name="trace">Told every event; null: nobody is.</param>
    public static GangReportOfSeed Run(ulong seed, GangBug plant = GangBug.None, Action<string>? trace = null)
    {
        var world = new VirtualWorld(seed, new SimulationOptions { Trace = trace });
        var shape = Prng.Derive(seed, "shape");
        var (members, spares, gpus) = (shape.Between(1, 5), shape.Between(0, 2), shape.Between(1, 3));
        var restarts = shape.Between(0, 4);
        var isFaulty = shape.Chance(0.25);
        var failures = isFaulty ? shape.Between(1, 6) : 0;
        var training = new GangTraining(world, shape.Between(30, 200), failingAt: shape.Between(1, 30), failures);
        var cluster = new GangCluster(world, plant, members + spares, gpus, training);
        var spec = new GangSpec
        {
            Name = "simulated",
            Command = ["program"],
            MinNodes = shape.Chance(0.5) ? members : Math.Max(1, members - 1),
            MaxNodes = members,
            GpusPerNode = gpus,
            Restarts = restarts,
            Grace = TimeSpan.FromSeconds(shape.Between(0, 3) is 3 ? 30 : 1),
            Lease = TimeSpan.FromSeconds(shape.Chance(0.5) ? shape.Between(3, 5) : shape.Between(3, 20)),
            Alone = TimeSpan.FromSeconds(shape.Between(0, 240)),
        };
        var faults = new GangFaults(cluster, members, spares);
        try
        {
            Play(world, cluster, spec, faults);
            return new GangReportOfSeed(
                seed, plant, null, "", world.Now, world.Events, View(cluster)?.Generation ?? 0, faults.Struck, world.Trace.Hash, [])
            {
                Drains = cluster.Drains?.Count ?? 0,
            };
        }
        catch (InvariantViolationException broken)
        {
            return new GangReportOfSeed(
                seed,
                plant,
                broken.Invariant,
                broken.Message,
                world.Now,
                world.Events,
                View(cluster)?.Generation ?? 0,
                faults.Struck,
                world.Trace.Hash,
                world.Trace.Last());
        }
    }

    private static void Play(VirtualWorld world, GangCluster cluster, GangSpec spec, GangFaults faults)
    {
        var checks = new GangChecks(cluster, spec, OrphanTime);
        world.AfterEvent = checks.Look;
        cluster.Silo.Start();
        foreach (var node in cluster.Nodes)
            node.Start();
        world.Schedule(TimeSpan.FromSeconds(1), () => Submit(cluster, spec));
        faults.Plan();
        cluster.Drains = GangDrains.Begin(cluster, spec.MaxNodes, faults);
        while (world.Step(faults.Until))
        {
            if (world.Now > faults.Until && IsOver(cluster))
            {
                break;
            }
        }

        faults.Heal();
        cluster.Drains?.Heal();
        for (var limit = world.Now + HealLimit; ;)
        {
            if (IsOver(cluster))
                break;
            if (!world.Step(limit))
            {
                throw new InvariantViolationException(GangInvariants.WholeAgain, $"{HealLimit.TotalMinutes:0} min after the last fault it "
                    + $"is {View(cluster)?.Phase ?? "not there"}: {View(cluster)?.Reason}");
            }
        }

        var view = View(cluster)!;
        checks.LookAtEnd(view);
        if (cluster.Drains is not null && faults.Struck.Count == 0 && cluster.Training.Failed == 0
            && view.Failures.FirstOrDefault(failure => failure.Counts) is { } counted)
        {
            throw new InvariantViolationException(
                GangInvariants.DrainCostsNoRestart,
                $"nothing but drains befell it, and generation {counted.Generation} counts: {counted.Text}");
        }
        if (faults.IsOfSilos && spec.Alone >= LongestOutage && view.Failures.FirstOrDefault(failure => !failure.Counts) is { } needless)
        {
            throw new InvariantViolationException(
                GangInvariants.SiloDisturbsNobody,
                $"only silos were struck, and generation {needless.Generation} ended: {needless.Text}");
        }

        for (var until = world.Now + spec.Lease + spec.Grace; world.Step(until);)
        {
        }

        cluster.Drains?.LookAtEnd();
    }

    /// <summary>Whoever submits asks again until it is there.</summary>
    private static void Submit(GangCluster cluster, GangSpec spec)
    {
        if (cluster.Silo.Alive && View(cluster) is null)
            cluster.Silo.Deliver(GrainAddress.OfGang(GangCluster.Job), new SubmitGang(spec) { Secret = "secret" });
        if (View(cluster) is null or { Generation: 0 })
            cluster.World.Schedule(TimeSpan.FromSeconds(2), () => Submit(cluster, spec));
    }

    /// <summary>A view is long to read, so what is quick to see comes first.</summary>
    private static bool IsOver(GangCluster cluster) =>
        cluster.Nodes.All(node => !node.Running.Any()) && View(cluster) is { Phase: "finished" or "failed" };

    private static GangView? View(GangCluster cluster) =>
        cluster.Silo.Describe(GrainAddress.OfGang(GangCluster.Job)) is { } json ? Contracts.Read<GangView>(json) : null;
}

/// <summary>What came of one seed of a gang.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Plant">The bug that was planted.</param>
/// <param name="Invariant">The invariant that does not hold, or null.</param>
/// <param name="Message">What was seen.</param>
/// <param name="VirtualTime">Virtual time at the end.</param>
/// <param name="Events">Events that ran.</param>
/// <param name="Generations">Generations of the gang.</param>
/// <param name="Faults">Which fault struck how often.</param>
/// <param name="TraceHash">Equal for equal seeds.</param>
/// <param name="LastTrace">The last trace lines.</param>
public sealed record GangReportOfSeed(
    ulong Seed,
    GangBug Plant,
    string? Invariant,
    string Message,
    TimeSpan VirtualTime,
    long Events,
    long Generations,
    IReadOnlyDictionary<string, int> Faults,
    ulong TraceHash,
    IReadOnlyList<string> LastTrace)
{
    /// <summary>How often operators drained a node.</summary>
    public int Drains { get; init; }

    /// <summary>Whether every invariant held.</summary>
    public bool Passed => Invariant is null;

    /// <summary>The report as text, several lines where something is wrong.</summary>
    public string Render()
    {
        var faults = string.Join(", ", Faults.Select(pair => $"{pair.Key} ×{pair.Value}"));
        var head = string.Create(
            CultureInfo.InvariantCulture,
            $"seed {Seed}: {(Passed ? "ok" : $"VIOLATION of {Invariant}")}, {VirtualTime.TotalSeconds:0.000} s virtual, {Events} events, "
                + $"{Generations} generations; faults: {(faults.Length == 0 ? "none" : faults)}");
        return Passed ? head : string.Join(Environment.NewLine, [
            head, $"  {Message}", "  the last events:", .. LastTrace.Select(line => "  " + line),
            $"  replay: coordinator simulate gangs --seed {Seed}{(Plant == GangBug.None ? "" : $" --bug {Plant}")} --trace",
        ]);
    }
}
