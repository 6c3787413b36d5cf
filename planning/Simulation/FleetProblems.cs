using static System.FormattableString;

namespace Coordinator.Planning.Simulation;

/// <summary>What makes a cluster impossible.</summary>
internal static class FleetProblems
{
    private const int MostNodes = 200_000;

    /// <summary>All of it, each with the key of the scenario file that is to be changed.</summary>
    public static IEnumerable<(string Key, string Problem)> Of(FleetSpec fleet) =>
        [.. OfSizes(fleet), .. OfGrowth(fleet), .. OfParts(fleet), .. OfPower(fleet)];

    private static IEnumerable<(string Key, string Problem)> OfSizes(FleetSpec fleet)
    {
        if (fleet.Nodes is < 2 or > MostNodes)
            yield return ("cluster.nodes", $"nodes is {fleet.Nodes} but must be 2 to {MostNodes}");
        if (fleet.NodesPerRank < 1 || fleet.Nodes % fleet.NodesPerRank != 0 || fleet.Nodes / fleet.NodesPerRank < 2)
        {
            yield return (
                "cluster.nodes_per_rank",
                $"nodes_per_rank is {fleet.NodesPerRank} but must divide nodes, {fleet.Nodes}, into 2 ranks or more");
        }
        else if (fleet.ShardsPerRank < 1 || (long)fleet.Ranks * fleet.ShardsPerRank > 1 << 24)
        {
            yield return ("cluster.shards_per_rank", $"shards_per_rank is {fleet.ShardsPerRank} but must be 1 or more, and at most "
                + $"{(1 << 24) / Math.Max(1, fleet.Ranks)} with {fleet.Ranks} ranks");
        }
        if (!(fleet.StepSeconds is >= 0.01 and <= 3600))
            yield return ("cluster.step_seconds", Invariant($"step_seconds is {fleet.StepSeconds} but must be 0.01 to 3600"));
        if (fleet.Spares < 0)
            yield return ("cluster.spares", $"spares is {fleet.Spares} but must be 0 or more");
    }

    private static IEnumerable<(string Key, string Problem)> OfGrowth(FleetSpec fleet)
    {
        foreach (var tranche in fleet.Growth)
        {
            var key = Invariant($"growth.{tranche.Day:R}");
            if (!(tranche.Day > 0))
            {
                yield return (key, Invariant(
                    $"a tranche of growth is of day {tranche.Day} but must come after the start; what stands there then is cluster.nodes"));
            }
            if (tranche.Nodes < 1 || (fleet.NodesPerRank > 0 && tranche.Nodes % fleet.NodesPerRank != 0))
            {
                yield return (key, Invariant(
                    $"the tranche of day {tranche.Day} has {tranche.Nodes} nodes but must have whole ranks of {fleet.NodesPerRank} nodes"));
            }
        }

        if (fleet.Growth.Count > 0 && fleet.Growth.Sum(tranche => (long)tranche.Nodes) + fleet.Nodes is > MostNodes and var all)
        {
            yield return (
                Invariant($"growth.{fleet.Growth[^1].Day:R}"),
                $"with all tranches there are {all} nodes but there must be {MostNodes} at most");
        }
    }

    private static IEnumerable<(string Key, string Problem)> OfParts(FleetSpec fleet)
    {
        foreach (var part in fleet.Shared.Where(part => part.Nodes < 1 || part.Nodes > fleet.Nodes / 2))
        {
            yield return (
                $"{part.Name}.nodes",
                $"{part.Name}.nodes is {part.Nodes} but must be 1 to {fleet.Nodes / 2}, half of the nodes: somebody has to be left");
        }
    }

    private static IEnumerable<(string Key, string Problem)> OfPower(FleetSpec fleet)
    {
        var power = fleet.Power;
        if (!(power.Overhead is >= 1 and <= 10))
        {
            yield return (
                "power.overhead", Invariant($"power.overhead is {power.Overhead} but must be 1 to 10: watts drawn for a watt of a node"));
        }
        if (power.ApprovalLineMegawatts > power.SiteCapMegawatts)
        {
            yield return (
                "power.approval_line_megawatts",
                Invariant(
                    $"power.approval_line_megawatts is {power.ApprovalLineMegawatts} but must be at most site_cap_megawatts, {power.SiteCapMegawatts}"));
        }
        if (power.ApprovalDay > 0 && power.ApprovalLineMegawatts is null)
        {
            yield return (
                "power.approval_day",
                Invariant($"power.approval_day is {power.ApprovalDay} but there is no power.approval_line_megawatts that it could lift"));
        }
        if (fleet.NodesPerRank < 1 || FleetSize.Of(fleet)[0] is { Powered: >= 2 } or { Installed: < 2 })
            yield break;
        var (key, value) = power.ApprovalLineMegawatts is { } line && power.ApprovalDay > 0 ? ("approval_line_megawatts", line) : (
            "site_cap_megawatts", power.SiteCapMegawatts ?? 0);
        yield return (
            $"power.{key}",
            Invariant(
                $"power.{key} is {value} but must be {2 * new SitePower(fleet).RankMegawatts:0.###} or more: two ranks of {fleet.NodesPerRank} nodes"));
    }
}
