using System.Globalization;
using Coordinator.Cli.Configuration;
using Coordinator.Simulator.Planning;

namespace Coordinator.Cli.Planning;

/// <summary>
/// Scenario files: a cluster of one's own, or a preset with changes. Sections: <c>cluster</c>, <c>costs</c>, and three that speak of causes by
/// name: <c>failures</c> (for 1,000 nodes and a day), <c>repair_hours</c> (absent: the process starts again on the same node) and
/// <c>nodes_together</c>. The first failure that is named replaces the preset's.
/// </summary>
internal static class ScenarioFile
{
    private const string PresetKey = "cluster.preset";

    private sealed record Key(string Rule, Func<FleetSpec, string, FleetSpec?> Set);

    private static readonly SortedDictionary<string, Key> Keys = new(StringComparer.Ordinal)
    {
        [PresetKey] = new($"one of {string.Join(", ", FleetPresets.All.Select(preset => preset.Name))}", (_, text) => FleetPresets.Find(text)),
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
        ["costs.detect_seconds"] = Real((fleet, value) => fleet with { Costs = fleet.Costs with { DetectSeconds = value } }),
        ["costs.node_detect_seconds"] = Real((fleet, value) => fleet with { Costs = fleet.Costs with { NodeDetectSeconds = value } }),
        ["costs.message_seconds"] = Real((fleet, value) => fleet with { Costs = fleet.Costs with { MessageSeconds = value } }),
        ["costs.handle_seconds"] = Real((fleet, value) => fleet with { Costs = fleet.Costs with { HandleSeconds = value } }),
        ["costs.process_start_seconds"] = Real((fleet, value) => fleet with { Costs = fleet.Costs with { ProcessStartSeconds = value } }),
        ["costs.replace_seconds"] = Real((fleet, value) => fleet with { Costs = fleet.Costs with { ReplaceSeconds = value } }),
        ["costs.snapshot_bytes_per_second"] = Real((fleet, value) => fleet with { Costs = fleet.Costs with { SnapshotBytesPerSecond = value } }),
    };

    private static readonly string[] CauseSections = ["failures", "repair_hours", "nodes_together"];

    private static readonly string[] Sections = ["cluster", "costs", .. CauseSections];

    internal static readonly SettingsForm Form = new(
        "scenario",
        section => Sections.Contains(section) ? null : KeySuggestion.Unknown("section", section, Sections, "the sections are"),
        key => Keys.ContainsKey(key) || CauseSections.Contains(SectionOf(key)) ? null
            : KeySuggestion.Unknown("key", LastOf(key), [.. Keys.Keys.Where(known => SectionOf(known) == SectionOf(key)).Select(LastOf)], $"{SectionOf(key)} has"));

    /// <summary>Reads a scenario.</summary>
    /// <exception cref="ConfigurationException">No YAML, unknown, repeated or ill-typed key, or a cluster that cannot be: with line, value, and what is allowed.</exception>
    public static FleetSpec Load(string path) => Apply(YamlSettings.ReadFile(path, Form));

    internal static FleetSpec Apply(IReadOnlyList<Setting> settings)
    {
        var fleet = new FleetSpec();

        // The preset first, wherever it stands.
        foreach (var setting in settings.OrderBy(setting => setting.Key != PresetKey))
        {
            if (!Keys.TryGetValue(setting.Key, out var key))
                continue;
            fleet = key.Set(fleet, setting.Value) ?? throw Wrong(setting, key.Rule);
        }

        if (settings.Any(setting => SectionOf(setting.Key) == "failures"))
            fleet = fleet with { Causes = Causes(settings) };
        foreach (var stray in settings.Where(setting => CauseSections.Contains(SectionOf(setting.Key)) && fleet.Causes.All(cause => cause.Name != LastOf(setting.Key))))
            throw new ConfigurationException($"{YamlText.Shown(stray.Key)} speaks of a cause that failures does not name; add it there or delete the line", stray.KeyLocation);
        foreach (var (name, problem) in fleet.Problems())
        {
            throw settings.FirstOrDefault(setting => setting.Key == $"cluster.{name}") is { } at
                ? new ConfigurationException(problem, at.ValueLocation)
                : new ConfigurationException(problem, settings.Count == 0 ? null : settings[0].KeyLocation.File);
        }

        return fleet;
    }

    private static List<FailureCause> Causes(IReadOnlyList<Setting> settings)
    {
        var causes = new List<FailureCause>();
        foreach (var setting in settings.Where(setting => SectionOf(setting.Key) == "failures"))
        {
            var name = LastOf(setting.Key);
            double rate = Number(setting, 1e-6, 1e6, "a number of failures for 1,000 nodes and a day, above 0"), hours = 0;
            var nodes = 1;
            foreach (var more in settings.Where(more => LastOf(more.Key) == name))
            {
                if (SectionOf(more.Key) == "repair_hours")
                    hours = Number(more, 0.01, 10_000, "a number of hours, 0.01 to 10000");
                if (SectionOf(more.Key) == "nodes_together")
                    nodes = (int)Number(more, 1, 10_000, "a number of nodes, 1 to 10000");
            }

            causes.Add(new FailureCause(name, rate, hours > 0 ? Remedy.Replace : Remedy.Restart, hours, nodes));
        }

        return causes;
    }

    private static double Number(Setting setting, double least, double most, string rule) =>
        double.TryParse(setting.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most ? value : throw Wrong(setting, rule);

    private static ConfigurationException Wrong(Setting setting, string rule) =>
        new($"{setting.Key} is '{YamlText.Shown(setting.Value)}' but must be {rule}", setting.ValueLocation);

    private static string SectionOf(string key) => key[..key.IndexOf('.', StringComparison.Ordinal)];

    private static string LastOf(string key) => key[(key.IndexOf('.', StringComparison.Ordinal) + 1)..];

    private static Key Whole(Func<FleetSpec, int, FleetSpec> set, int least = 1) =>
        new($"a whole number from {least} on", (fleet, text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least ? set(fleet, value) : null);

    private static Key Real(Func<FleetSpec, double, FleetSpec> set) => new(
        "a number above 0, at most 1e18",
        (fleet, text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is > 0 and <= 1e18 ? set(fleet, value) : null);
}
