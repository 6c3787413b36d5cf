namespace Coordinator.Planning.Simulation;

/// <summary>Nodes that are added while the job runs.</summary>
/// <param name="Day">From the start.</param>
/// <param name="Nodes">How many.</param>
public readonly record struct GrowthTranche(double Day, int Nodes);

/// <summary>How large the cluster is from a time on.</summary>
/// <param name="At">Seconds from the start.</param>
/// <param name="Installed">Ranks whose nodes stand there.</param>
/// <param name="Powered">Those of them that may draw power: the lowest numbers.</param>
internal readonly record struct FleetSize(double At, int Installed, int Powered)
{
    /// <summary>All sizes of a cluster, the first at the start.</summary>
    public static IReadOnlyList<FleetSize> Of(FleetSpec fleet)
    {
        var power = new SitePower(fleet);
        return
        [
            .. fleet.Growth.Select(tranche => tranche.Day * 86_400).Append(0).Append(power.ApprovalAt ?? 0).Distinct().Order().Select(at =>
            {
                var installed = (fleet.Nodes + fleet.Growth.Where(tranche => tranche.Day * 86_400 <= at).Sum(
                    tranche => tranche.Nodes)) / fleet.NodesPerRank;
                return new FleetSize(at, installed, power.Powered(at, installed));
            }),
        ];
    }
}
