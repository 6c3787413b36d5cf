namespace Coordinator.Simulator.Gangs;

/// <summary>What must hold in every simulated life of a gang. Looked at after each event.</summary>
public static class GangInvariants
{
    /// <summary>
    /// Processes of two generations never run at once, but on a node whose agent was frozen for longer than its lease and so could not
    /// kill.
    /// </summary>
    public const string OneGeneration = "one-generation";

    /// <summary>No process runs for longer than a moment on a node whose worker is dead.</summary>
    public const string NoOrphan = "no-orphan";

    /// <summary>Once the faults are over, the gang becomes whole and ends well, or ends with its cause.</summary>
    public const string WholeAgain = "whole-again";

    /// <summary>It fails only after more failures of its own without progress than it has restarts.</summary>
    public const string Budget = "budget";

    /// <summary>Whoever is named as the first cause did fail, in that generation, and nobody had failed by itself long before.</summary>
    public const string FirstCause = "first-cause";

    /// <summary>Nothing of it runs once it is over.</summary>
    public const string NothingLeft = "nothing-left";

    /// <summary>
    /// The death or the freeze of a silo costs no start: the agents keep each other going, and what they had said while it stood still
    /// counts.
    /// </summary>
    public const string SiloDisturbsNobody = "silo-disturbs-nobody";

    /// <summary>What an operator was told is drained stays so, whatever dies, until it is given back.</summary>
    public const string DrainIsDurable = "drain-is-durable";

    /// <summary>No process starts on a node whose drain is done.</summary>
    public const string DrainedRunsNothing = "drained-runs-nothing";

    /// <summary>Where nothing but drains befalls a gang, it has all of its restarts at its end.</summary>
    public const string DrainCostsNoRestart = "drain-costs-no-restart";

    /// <summary>A drain comes to its end.</summary>
    public const string DrainEnds = "drain-ends";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } =
        [
            OneGeneration, NoOrphan, WholeAgain, Budget, FirstCause, NothingLeft, SiloDisturbsNobody, DrainIsDurable, DrainedRunsNothing,
            DrainCostsNoRestart, DrainEnds,
        ];
}
