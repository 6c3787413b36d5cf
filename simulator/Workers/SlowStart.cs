using Coordinator.Machines;

namespace Coordinator.Simulator.Workers;

/// <summary>A rank whose program is being made, as the real agent has it: orders wait, and the newest one counts.</summary>
internal sealed class SlowStart(TimeSpan until)
{
    /// <summary>When it is ready.</summary>
    public TimeSpan Until { get; } = until;

    /// <summary>The newest order that waits; null: its last order was to stop.</summary>
    public RankOrder? Waiting { get; set; }

    /// <summary>Generation of its last order.</summary>
    public long Generation { get; set; }

    /// <summary>Whether an order came since it is ready.</summary>
    public bool IsHeard { get; set; }
}
