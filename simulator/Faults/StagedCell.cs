using Coordinator.Simulator.World;

namespace Coordinator.Simulator.Faults;

/// <summary>
/// A cell of the table that a seed stages: one in eight does, none of them aimed otherwise (<see cref="FaultAim"/>). Staged faults need
/// several things to come together, such as a question and a device that writes just then, and hardly ever come by themselves.
/// </summary>
/// <param name="Phase">Phase in which the fault is to strike.</param>
/// <param name="Kind">The fault.</param>
/// <param name="Step">The first step that some rank must have applied before it is staged.</param>
internal sealed record StagedCell(ProtocolPhase Phase, InjectedFault Kind, long Step)
{
    private const ulong Every = 8;
    private const ulong Which = 3;

    /// <summary>What a seed stages, or null. Draws from a stream of its own, so that it moves nothing of a seed without.</summary>
    public static StagedCell? Of(ulong seed)
    {
        if (seed % Every != Which)
            return null;
        var (phase, kind) = FaultTable.StagedCells[(int)(seed / Every % (ulong)FaultTable.StagedCells.Count)];
        return new StagedCell(phase, kind, phase == ProtocolPhase.Initialising && kind != InjectedFault.OldTimelineThaws
            ? 0
            : Prng.Derive(seed, "staged").Below(Scenario.MinSteps - 4));
    }

    /// <summary>
    /// The world in which the cell can be met: a job goes back only where it saves, and soon where it waits for nobody for long.
    /// </summary>
    public Scenario Apply(Scenario drawn)
    {
        if (Kind != InjectedFault.OldTimelineThaws)
            return drawn;
        var saving = drawn.Spec.Checkpoint with
        {
            Interval = drawn.Spec.Checkpoint.Interval == "off" ? "2" : drawn.Spec.Checkpoint.Interval,
            RestoreAfter = TimeSpan.FromSeconds(1),
        };
        return drawn with { Spec = drawn.Spec with { Checkpoint = saving } };
    }
}
