namespace Coordinator.Planning.Simulation;

/// <summary>
/// The planner's own arithmetic of electricity: how many ranks have power when, and when a process may start. A budget counts a process
/// with its full draw from its first second. Pauses of seconds, in which survivors wait with their processes alive, are taken to leave the
/// draw as it is.
/// </summary>
internal sealed class SitePower(FleetSpec fleet)
{
    private readonly PowerSpec power = fleet.Power;
    private double busyUntil;

    /// <summary>Megawatts of a computing node with its share of cooling and conversion.</summary>
    public double NodeMegawatts => (power.NodeWatts ?? (fleet.GpusPerNode * fleet.WattsPerGpu)) * power.Overhead / 1e6;

    /// <summary>Megawatts of a rank.</summary>
    public double RankMegawatts => NodeMegawatts * fleet.NodesPerRank;

    /// <summary>When the approval arrives, seconds; null: none is waited for.</summary>
    public double? ApprovalAt => power.ApprovalLineMegawatts is null || power.ApprovalDay <= 0 ? null : power.ApprovalDay * 86_400;

    /// <summary>Of so many ranks, those that may draw power at a time.</summary>
    public int Powered(double at, int ranks)
    {
        var limit = Math.Min(
            power.SiteCapMegawatts ?? double.PositiveInfinity,
            at < ApprovalAt ? power.ApprovalLineMegawatts!.Value : double.PositiveInfinity);

        // A cap that was derived from the same watts must not fall a hair short of them.
        return (int)Math.Min(ranks, (limit / RankMegawatts) + 1e-9);
    }

    /// <summary>When processes of a rank may start that are ready now: one after the other, as the draw may rise.</summary>
    public double Admit(double at)
    {
        var start = Math.Max(at, busyUntil);
        busyUntil = start + RampSeconds(1);
        return start;
    }

    /// <summary>
    /// Seconds in which the draw of so many ranks may rise from nothing, or from what a node keeps while its processes are away.
    /// </summary>
    public double RampSeconds(int ranks, bool fromIdle = false) =>
        power.RampMegawattsPerMinute is { } ramp ? ranks * RankMegawatts * (fromIdle ? 1 - power.IdleShare : 1) * 60 / ramp : 0;
}
