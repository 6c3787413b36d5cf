using Coordinator.Machines;

namespace Coordinator.Runs.Alerts;

/// <summary>Which rules are on, and their numbers: one small file, of which the shipped one is made from the rules themselves.</summary>
public sealed class AlertRules
{
    private const int MostLine = 200;
    private readonly Dictionary<AlertRule, AlertLimit?> limits = AlertRule.All.ToDictionary(
        rule => rule, rule => (AlertLimit?)AlertLimit.Parse(rule, rule.Default));

    /// <summary>The shipped file; <c>docs/alerts.rules</c> is the same text, for operators to copy and edit.</summary>
    public static string DefaultText => """
        # What is alerted on. Copy, edit, and give it to 'coordinator alerts --rules FILE'.
        # A line is 'rule: number' or 'rule: off'; what is not listed is as here.

        """ + string.Concat(AlertRule.All.Select(rule => $"\n# {Capital(rule.Threshold)}.\n{rule.Name}: {rule.Default}\n"));

    /// <summary>The number of a rule; null: it is off.</summary>
    public AlertLimit? this[AlertRule rule] => limits[rule];

    /// <summary>The longest time that any rule looks back.</summary>
    public TimeSpan Longest => limits.Values.Where(limit => limit is not null).Select(limit => limit!.Time).DefaultIfEmpty().Max();

    /// <summary>Reads a file's text.</summary>
    /// <exception cref="FormatException">A line is no rule; the message names the line.</exception>
    public static AlertRules Parse(string text)
    {
        var rules = new AlertRules();
        var seen = new HashSet<AlertRule>();
        foreach (var (number, whole) in text.ReplaceLineEndings("\n").Split('\n').Index())
        {
            var line = whole.Split('#')[0].Trim();
            if (line.Length == 0)
                continue;
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var name = colon < 0 ? line : line[..colon].TrimEnd();
            if (AlertRule.All.FirstOrDefault(rule => rule.Name == name) is not { } known || colon < 0)
            {
                throw new FormatException(
                    $"line {number + 1}, '{PlainText.Line(line, MostLine)}', is no 'rule: number'; rules are "
                        + string.Join(", ", AlertRule.All.Select(rule => rule.Name)));
            }

            if (!seen.Add(known))
                throw new FormatException($"line {number + 1} says {name} a second time");
            var value = line[(colon + 1)..].Trim();
            try
            {
                rules.limits[known] = value == "off" ? null : AlertLimit.Parse(known, PlainText.Line(value, MostLine));
            }
            catch (FormatException bad)
            {
                throw new FormatException($"line {number + 1}: {bad.Message}", bad);
            }
        }

        return rules;
    }

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
