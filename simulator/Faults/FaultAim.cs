using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Faults;

/// <summary>
/// A cell of the table of faults that a seed is steered to: every fourth seed is, the cells in turn. Most cells are met by chance; some are
/// not, since their phase ends within a millisecond, or hardly ever comes together with the write or the connection that the fault needs.
/// </summary>
/// <param name="Phase">Phase in which the fault is to strike.</param>
/// <param name="Kind">The fault.</param>
/// <param name="Step">The first step that some rank must have applied before it is sought.</param>
/// <param name="OneRank">Whether the job is one of a single rank, whose worker is asked to end.</param>
internal sealed record FaultAim(ProtocolPhase Phase, InjectedFault Kind, long Step, bool OneRank)
{
    private const ulong Every = 4;

    /// <summary>The aim of a seed, or null. Draws from a stream of its own, so that it moves nothing of a seed without one.</summary>
    public static FaultAim? Of(ulong seed)
    {
        if (seed % Every != 0)
            return null;
        var (phase, kind) = FaultTable.DrawnCells[(int)(seed / Every % (ulong)FaultTable.DrawnCells.Count)];
        var prng = Prng.Derive(seed, "aim");
        var step = prng.Below(Scenario.MinSteps - 2);
        return kind == InjectedFault.AllWorkersKilled ? null : new FaultAim(
            phase, kind, phase == ProtocolPhase.Initialising ? 0 : step, kind == InjectedFault.Leave && prng.Chance(0.3));
    }

    /// <summary>The world in which the cell can be met: a job waits where it needs all of its ranks and no gpu is to spare.</summary>
    public Scenario Apply(Scenario drawn)
    {
        var spec = drawn.Spec;
        if (Phase == ProtocolPhase.Waiting)
        {
            var all = Math.Min(spec.Training.Shards, drawn.Nodes * drawn.GpusPerNode);
            return drawn with { Spec = spec with { Ranks = all, MinRanks = all } };
        }

        return OneRank ? drawn with { Spec = spec with { Ranks = 1, MinRanks = 1 } } : drawn;
    }

    /// <summary>What goes before, so that the phase comes: somebody dies, or the silo does.</summary>
    public PlannedFault? Opening => Phase switch
    {
        ProtocolPhase.Waiting or ProtocolPhase.Deciding or ProtocolPhase.Preparing or ProtocolPhase.Planning or ProtocolPhase.CatchingUp
            or ProtocolPhase.Outside
            => new PlannedFault(InjectedFault.WorkerCrash) { Step = Step },
        ProtocolPhase.NoSilo when !NeedsWrite => new PlannedFault(InjectedFault.SiloCrash) { Step = Step },
        _ => null,
    };

    /// <summary>Whether the fault befalls a write.</summary>
    public bool NeedsWrite => Kind is InjectedFault.UnsyncedLost or InjectedFault.UnsyncedTorn or InjectedFault.UnsyncedCorrupted
        or InjectedFault.AcknowledgementLost or InjectedFault.WriteLost;
}
