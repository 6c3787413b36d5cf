using System.Globalization;
using Coordinator.Configuration;
using Coordinator.Planning.Simulation;

namespace Coordinator.Planning.Scenarios;

/// <summary>
/// Scenario files: a cluster of one's own, or a preset with changes. Sections: <c>cluster</c>, <c>power</c>, <c>costs</c>; one for each
/// part that nodes share; <c>growth</c>, of which each key is a day and its value the nodes that are added then; and three that speak of
/// causes by name:
/// <c>failures</c> (for 1,000 nodes and a day), <c>repair_hours</c> (absent: the process starts again on the same node) and
/// <c>nodes_together</c>. The first failure, tranche or key of a part that is named replaces the preset's.
/// </summary>
internal static class ScenarioFile
{
    private const string GrowthSection = "growth";

    private static readonly string[] CauseSections = ["failures", "repair_hours", "nodes_together"];

    private static readonly string[] PartKeys = ["failures_per_year", "nodes", "repair_hours"];

    private static readonly string[] Sections = ["cluster", "power", "costs", .. SharedPart.Names, GrowthSection, .. CauseSections];

    internal static readonly SettingsForm Form = new(
        "scenario",
        section => Sections.Contains(section) ? null : KeySuggestion.Unknown("section", section, Sections, "the sections are"),
        key => ScenarioKeys.All.ContainsKey(key)
            || CauseSections.Contains(SectionOf(key))
            || SectionOf(key) == GrowthSection ? null : KeysOf(SectionOf(key)) is var keys && keys.Contains(LastOf(key)) ? null
            : KeySuggestion.Unknown("key", LastOf(key), keys, $"{SectionOf(key)} has"));

    /// <summary>Reads a scenario.</summary>
    /// <exception cref="ConfigurationException">No YAML, unknown, repeated or ill-typed key, or a cluster that cannot be: with line, value,
    /// and what is allowed.</exception>
    public static FleetSpec Load(string path) => Apply(YamlSettings.ReadFile(path, Form));

    internal static FleetSpec Apply(IReadOnlyList<Setting> settings)
    {
        var fleet = new FleetSpec();

        // The preset first, wherever it stands.
        foreach (var setting in settings.OrderBy(setting => setting.Key != ScenarioKeys.Preset))
        {
            if (ScenarioKeys.All.TryGetValue(setting.Key, out var key))
                fleet = key.Set(fleet, setting.Value) ?? throw Wrong(setting, key.Rule);
        }

        if (settings.Any(setting => SectionOf(setting.Key) == "failures"))
            fleet = fleet with { Causes = Causes(settings) };
        foreach (var stray in settings.Where(
            setting => CauseSections.Contains(SectionOf(setting.Key)) && fleet.Causes.All(cause => cause.Name != LastOf(setting.Key))))
        {
            throw new ConfigurationException(
                $"{YamlText.Shown(stray.Key)} speaks of a cause that failures does not name; add it there or delete the line",
                stray.KeyLocation);
        }
        fleet = fleet with { Shared = [.. SharedPart.Names.Select(name => Part(name, settings, fleet)).OfType<SharedPart>()] };
        if (settings.Any(setting => SectionOf(setting.Key) == GrowthSection))
        {
            fleet = fleet with
            {
                Growth = [
                .. settings.Where(setting => SectionOf(setting.Key) == GrowthSection).Select(Tranche).OrderBy(tranche => tranche.Day)
            ]
            };
        }
        foreach (var (name, problem) in fleet.Problems())
        {
            throw settings.FirstOrDefault(setting => setting.Key == name || IsTranche(setting, name)) is { } at
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
                    hours = Hours(more);
                if (SectionOf(more.Key) == "nodes_together")
                    nodes = Whole(more, 10_000);
            }

            causes.Add(new FailureCause(name, rate, hours > 0 ? Remedy.Replace : Remedy.Restart, hours, nodes));
        }

        return causes;
    }

    /// <summary>A shared part: what the file says of it, on top of what the preset has; null: neither knows it.</summary>
    private static SharedPart? Part(string name, IReadOnlyList<Setting> settings, FleetSpec fleet)
    {
        var preset = fleet.Shared.FirstOrDefault(part => part.Name == name);
        if (!settings.Any(setting => SectionOf(setting.Key) == name))
            return preset;
        return new SharedPart(
            name,
            Of("nodes") is { } nodes ? Whole(nodes, 100_000) : preset?.Nodes ?? throw Missing("nodes"),
            Of("failures_per_year") is { } rate
                ? Number(rate, 1e-6, 1e6, "a number of failures of one of them in a year, above 0")
                : preset?.FailuresPerYear ?? throw Missing("failures_per_year"),
            Of("repair_hours") is { } hours ? Hours(hours) : preset?.RepairHours ?? throw Missing("repair_hours"));

        Setting? Of(string key) => settings.FirstOrDefault(setting => setting.Key == $"{name}.{key}");

        ConfigurationException Missing(string key) =>
            new(
                $"{name} has no {key}, and no preset gives it; a part has {string.Join(", ", PartKeys)}",
                settings.First(setting => SectionOf(setting.Key) == name).KeyLocation);
    }

    private static GrowthTranche Tranche(Setting setting)
    {
        if (!(Day(setting) is > 0 and <= 3650 and var day))
        {
            throw new ConfigurationException($"{YamlText.Shown(setting.Key)} begins with no day; growth has lines such as 30: 12500, a day "
                + "from the start up to 3650 and the nodes that are added then", setting.KeyLocation);
        }
        return new GrowthTranche(day, Whole(setting, 200_000));
    }

    private static double? Day(Setting setting) =>
        double.TryParse(LastOf(setting.Key), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var day) ? day : null;

    private static bool IsTranche(Setting setting, string name) =>
        SectionOf(setting.Key) == GrowthSection && Day(setting) is { } day
            && name == FormattableString.Invariant($"{GrowthSection}.{day:R}");

    private static double Hours(Setting setting) => Number(setting, 0.01, 10_000, "a number of hours, 0.01 to 10000");

    private static double Number(Setting setting, double least, double most, string rule) =>
        double.TryParse(setting.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
            ? value
            : throw Wrong(setting, rule);

    private static int Whole(Setting setting, int most) =>
        int.TryParse(setting.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= 1 && value <= most
            ? value
            : throw Wrong(setting, $"a number of nodes, 1 to {most}");

    private static ConfigurationException Wrong(Setting setting, string rule) =>
        new($"{setting.Key} is '{YamlText.Shown(setting.Value)}' but must be {rule}", setting.ValueLocation);

    private static string[] KeysOf(string section) =>
        SharedPart.Names.Contains(section)
            ? PartKeys
            : [.. ScenarioKeys.All.Keys.Where(known => SectionOf(known) == section).Select(LastOf)];

    private static string SectionOf(string key) => key[..key.IndexOf('.', StringComparison.Ordinal)];

    private static string LastOf(string key) => key[(key.IndexOf('.', StringComparison.Ordinal) + 1)..];
}
