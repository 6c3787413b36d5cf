using System.Globalization;
using Coordinator.Configuration;
using Coordinator.Planning.Simulation;

namespace Coordinator.Planning.Scenarios;

/// <summary>The keys of scenario files that each set one property: what may stand there, and what it changes.</summary>
internal static class ScenarioKeys
{
    /// <summary>The cluster to begin from.</summary>
    public const string Preset = "cluster.preset";

    /// <summary>A key.</summary>
    /// <param name="Rule">What its value must be.</param>
    /// <param name="Set">The cluster with the value; null: the value is none of those.</param>
    internal sealed record Key(string Rule, Func<FleetSpec, string, FleetSpec?> Set);

    /// <summary>All of them.</summary>
    public static IReadOnlyDictionary<string, Key> All { get; } = new SortedDictionary<string, Key>(StringComparer.Ordinal)
    {
        [Preset] = new($"one of {string.Join(", ", FleetPresets.All.Select(preset => preset.Name))}", (_, text) => FleetPresets.Find(text)),
        ["cluster.name"] = new("text", (fleet, text) => fleet with { Name = YamlText.Shown(text) }),
        ["cluster.accelerator"] = new("text", (fleet, text) => fleet with { Accelerator = YamlText.Shown(text) }),
        ["cluster.nodes"] = Whole((fleet, value) => fleet with { Nodes = value }),
        ["cluster.gpus_per_node"] = Whole((fleet, value) => fleet with { GpusPerNode = value }),
        ["cluster.nodes_per_rank"] = Whole((fleet, value) => fleet with { NodesPerRank = value }),
        ["cluster.spares"] = Whole((fleet, value) => fleet with { Spares = value }, least: 0),
        ["cluster.shards_per_rank"] = Whole((fleet, value) => fleet with { ShardsPerRank = value }),
        ["cluster.step_seconds"] = Real((fleet, value) => fleet with { StepSeconds = value }),
        ["cluster.state_bytes"] = Real((fleet, value) => fleet with { StateBytes = value }),
        ["cluster.node_bytes_per_second"] = Real((fleet, value) => fleet with { NodeBytesPerSecond = value }),
        ["cluster.store_bytes_per_second"] = Real((fleet, value) => fleet with { StoreBytesPerSecond = value }),
        ["cluster.watts_per_gpu"] = Real((fleet, value) => fleet with { WattsPerGpu = value }),
        ["cluster.checkpoint_seconds"] = Real((fleet, value) => fleet with { CheckpointSeconds = value }),
        ["costs.detect_seconds"] = Real((fleet, value) => fleet with { Costs = fleet.Costs with { DetectSeconds = value } }),
        ["costs.fixed_seconds"] = Real((fleet, value) => fleet with { Costs = fleet.Costs with { FixedSeconds = value } }),
        ["costs.node_detect_seconds"] = Real((fleet, value) => fleet with { Costs = fleet.Costs with { NodeDetectSeconds = value } }),
        ["costs.message_seconds"] = Real((fleet, value) => fleet with { Costs = fleet.Costs with { MessageSeconds = value } }),
        ["costs.handle_seconds"] = Real((fleet, value) => fleet with { Costs = fleet.Costs with { HandleSeconds = value } }),
        ["costs.process_start_seconds"] = Real((fleet, value) => fleet with { Costs = fleet.Costs with { ProcessStartSeconds = value } }),
        ["costs.replace_seconds"] = Real((fleet, value) => fleet with { Costs = fleet.Costs with { ReplaceSeconds = value } }),
        ["costs.snapshot_bytes_per_second"] = Real(
            (fleet, value) => fleet with { Costs = fleet.Costs with { SnapshotBytesPerSecond = value } }),
        ["power.watts_per_node"] = Power((power, value) => power with { NodeWatts = value }),
        ["power.overhead"] = Power((power, value) => power with { Overhead = value }),
        ["power.site_cap_megawatts"] = Power((power, value) => power with { SiteCapMegawatts = value }),
        ["power.approval_line_megawatts"] = Power((power, value) => power with { ApprovalLineMegawatts = value }),
        ["power.approval_day"] = Number(
            "a day from the start, 0 to 3650", 0, 3650, (fleet, value) => fleet with { Power = fleet.Power with { ApprovalDay = value } }),
        ["power.ramp_megawatts_per_minute"] = Power((power, value) => power with { RampMegawattsPerMinute = value }),
        ["power.idle_share"] = Number(
            "a share, 0 to 1", 0, 1, (fleet, value) => fleet with { Power = fleet.Power with { IdleShare = value } }),
    };

    private static Key Whole(Func<FleetSpec, int, FleetSpec> set, int least = 1) =>
        new($"a whole number from {least} on", (fleet, text) => int.TryParse(
            text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least ? set(fleet, value) : null);

    private static Key Real(Func<FleetSpec, double, FleetSpec> set) => Number("a number above 0, at most 1e18", double.Epsilon, 1e18, set);

    private static Key Power(Func<PowerSpec, double, PowerSpec> set) =>
        Real((fleet, value) => fleet with { Power = set(fleet.Power, value) });

    private static Key Number(string rule, double least, double most, Func<FleetSpec, double, FleetSpec> set) => new(
        rule, (fleet, text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            && value >= least
            && value <= most ? set(fleet, value) : null);
}
