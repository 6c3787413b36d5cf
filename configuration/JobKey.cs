using System.Globalization;
using Coordinator.Machines;
using Coordinator.Machines.Jobs;

namespace Coordinator.Configuration;

/// <summary>One key of a job file: its name, the kind of value it takes, and the field of the spec it stands for.</summary>
/// <param name="Name">Dotted: section, then key.</param>
/// <param name="Rule">What a value has to be, to be read after "must be".</param>
/// <param name="Get">The field's value as it stands in a job file.</param>
/// <param name="Set">The spec with the field set; null where the text is not of the kind.</param>
internal sealed record JobKey(string Name, string Rule, Func<JobSpec, string> Get, Func<JobSpec, string, JobSpec?> Set)
{
    /// <summary>The part before the dot.</summary>
    public string Section => Name[..Name.IndexOf('.', StringComparison.Ordinal)];

    /// <summary>The part behind the dot.</summary>
    public string LastName => Name[(Name.IndexOf('.', StringComparison.Ordinal) + 1)..];

    public static JobKey Word(string name, Func<JobSpec, string> get, Func<JobSpec, string, JobSpec> set) =>
        new(name, "text", spec => YamlText.Quote(get(spec)), set);

    public static JobKey Int(string name, Func<JobSpec, int> get, Func<JobSpec, int, JobSpec> set) =>
        new(name, "a whole number", spec => Invariant(get(spec)), (spec, text) => Whole<int>(text) is { } value ? set(spec, value) : null);

    public static JobKey Long(string name, Func<JobSpec, long> get, Func<JobSpec, long, JobSpec> set) =>
        new(name, "a whole number", spec => Invariant(get(spec)), (spec, text) => Whole<long>(text) is { } value ? set(spec, value) : null);

    public static JobKey Seed(string name, Func<JobSpec, ulong> get, Func<JobSpec, ulong, JobSpec> set) => new(
        name,
        "a whole number, 0 to 18446744073709551615",
        spec => Invariant(get(spec)),
        (spec, text) => Whole<ulong>(text) is { } value ? set(spec, value) : null);

    public static JobKey Flag(string name, Func<JobSpec, bool> get, Func<JobSpec, bool, JobSpec> set) => new(
        name, "true or false", spec =>
            get(spec) ? "true" : "false", (spec, text) => text is "true" or "false" ? set(spec, text == "true") : null);

    public static JobKey Real(string name, Func<JobSpec, double> get, Func<JobSpec, double, JobSpec> set) => new(
        name,
        "a number",
        spec => get(spec).ToString("R", CultureInfo.InvariantCulture),
        (spec, text) =>
            PlainText.IsPlain(text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                && double.IsFinite(value) ? set(spec, value) : null);

    public static JobKey Duration(string name, Func<JobSpec, TimeSpan> get, Func<JobSpec, TimeSpan, JobSpec> set) => new(
        name,
        "a duration such as 500ms, 30s, 10m or 1h",
        spec => DurationText.Format(get(spec)),
        (spec, text) => DurationText.TryParse(text, out var value) ? set(spec, value) : null);

    // .NET takes a number with zero characters behind it for the number.
    private static T? Whole<T>(string text)
        where T : struct, System.Numerics.INumber<T> =>
        PlainText.IsPlain(text) && T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;

    private static string Invariant(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
