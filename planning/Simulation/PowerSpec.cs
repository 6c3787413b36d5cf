namespace Coordinator.Planning.Simulation;

/// <summary>The site's electricity: what a node draws, what there is, and how fast the draw may rise.</summary>
public sealed record PowerSpec
{
    /// <summary>Watts of a computing node; null: those of its accelerators.</summary>
    public double? NodeWatts { get; init; }

    /// <summary>What the site draws for a watt of a node: cooling and conversion. 1 or more.</summary>
    public double Overhead { get; init; } = 1.2;

    /// <summary>Megawatts that the site can draw; null: as many as it wants.</summary>
    public double? SiteCapMegawatts { get; init; }

    /// <summary>Megawatts above which nothing may be drawn before the utility approves; null: no approval is needed.</summary>
    public double? ApprovalLineMegawatts { get; init; }

    /// <summary>Day on which the approval arrives, from the start.</summary>
    public double ApprovalDay { get; init; }

    /// <summary>Megawatts by which the draw may rise in a minute; null: at once.</summary>
    public double? RampMegawattsPerMinute { get; init; }

    /// <summary>Share of its draw that a node keeps while its processes are away. Assumed.</summary>
    public double IdleShare { get; init; } = 0.3;
}
