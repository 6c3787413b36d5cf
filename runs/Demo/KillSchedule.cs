using Coordinator.Runs.Faults;

namespace Coordinator.Runs.Demo;

/// <summary>What a planned kill hits, and when.</summary>
public enum KillKind
{
    /// <summary>SIGKILL to one or more workers at once, from outside, when a step was recorded.</summary>
    Workers,

    /// <summary>A worker kills itself with SIGKILL in the middle of a step's collective.</summary>
    Collective,

    /// <summary>A worker kills itself with SIGKILL when it is asked for its state: in the middle of another's recovery.</summary>
    Recovery,

    /// <summary>SIGKILL to the silo when a step was recorded.</summary>
    Silo,
}

/// <summary>One planned kill.</summary>
/// <param name="Kind">What kind.</param>
/// <param name="Step">The step at which it happens; of <see cref="KillKind.Recovery"/>, that of the kill whose recovery is hit.</param>
/// <param name="Workers">Victims, from 0; none for the silo.</param>
public sealed record PlannedKill(KillKind Kind, long Step, IReadOnlyList<int> Workers)
{
    /// <summary>Silos that are hit, from 0.</summary>
    public IReadOnlyList<int> Silos { get; init; } = [];
}

/// <summary>
/// Who dies when: a pure function of seed, steps, workers and silos. Six workers' deaths in five blows, at most two at a time, and one
/// of a silo; of three silos or more, two others die at once near the end. The seed decides the victims and the exact steps; the order of
/// the blows is fixed, so that every run shows each kind.
/// </summary>
public sealed record KillSchedule(ulong Seed, IReadOnlyList<PlannedKill> Kills)
{
    /// <summary>Fewest workers with which the schedule leaves one alive that holds the state.</summary>
    public const int MinWorkers = 3;

    /// <summary>Fewest steps in which the blows lie apart.</summary>
    public const long MinSteps = 20;

    /// <summary>Workers' deaths that are planned.</summary>
    public int WorkerKills => Kills.Sum(kill => kill.Workers.Count);

    /// <summary>Silos' deaths that are planned.</summary>
    public int SiloKills => Kills.Sum(kill => kill.Silos.Count);

    /// <summary>Draws a schedule. What it draws for workers does not depend on the number of silos.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than <see cref="MinWorkers"/> workers or <see cref="MinSteps"/>
    /// steps.</exception>
    public static KillSchedule Draw(ulong seed, long steps, int workers, int silos = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, MinWorkers);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, MinSteps);
        var draw = new SeededDraw(seed);
        var order = draw.Order(workers);
        var first = At(0.12);
        var last = draw.Below(workers);
        PlannedKill[] kills =
        [
            new(KillKind.Workers, first, [order[0]]),
            new(KillKind.Recovery, first, [order[1]]),
            new(KillKind.Collective, At(0.30), [order[2]]),
            new(KillKind.Silo, At(0.45), []),
            new(KillKind.Workers, At(0.60), [order[^1], order[0]]),
            new(KillKind.Workers, At(0.80), [last]),
        ];
        var both = At(0.90);
        var fall = draw.Order(silos);
        kills[3] = kills[3] with { Silos = [fall[0]] };
        return new KillSchedule(seed, silos < 3 ? kills : [.. kills, new(KillKind.Silo, both, []) { Silos = [fall[1], fall[2]] }]);

        // Up to 6% of the run later than the fraction says, and never the first or the last steps.
        long At(double fraction) => Math.Clamp((long)(steps * (fraction + (0.06 * draw.Fraction()))), 2, steps - 1);
    }
}
