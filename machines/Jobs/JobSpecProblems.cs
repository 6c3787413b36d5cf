using System.Globalization;

namespace Coordinator.Machines.Jobs;

/// <summary>Gathers problems; one method for each rule that several fields share.</summary>
internal sealed class JobSpecProblems
{
    private readonly List<JobSpecProblem> found = [];

    public IReadOnlyList<JobSpecProblem> Found => found;

    public void Add(string field, string value, string rule, string remedy) => found.Add(new(field, value, rule, remedy));

    public void AtLeast(string field, long value, long least)
    {
        if (value < least)
            Add(field, Text(value), $"{Text(least)} or more", $"raise {field}");
    }

    public void Between(string field, long value, long least, long most)
    {
        if (value < least || value > most)
            Add(field, Text(value), $"{Text(least)} to {Text(most)}", $"{(value < least ? "raise" : "lower")} {field}");
    }

    public void Above(string field, double value, double bound)
    {
        if (!(value > bound && double.IsFinite(value)))
            Add(field, Text(value), $"a finite number above {Text(bound)}", $"raise {field}");
    }

    public void NotNegative(string field, double value, string remedy)
    {
        if (!(value >= 0 && double.IsFinite(value)))
            Add(field, Text(value), "a finite number, 0 or more", remedy);
    }

    /// <summary>
    /// What a device makes of it is the number that is meant: 0, or a normal number of float32, and below 1 where it is below 1.
    /// </summary>
    public void Single(string field, double value)
    {
        const float least = 1.17549435E-38f;
        if (value != 0 && !(value >= least && value <= float.MaxValue))
        {
            Add(field, Text(value), $"0, or {Text(least)} to {Text(float.MaxValue)}, which float32 can hold",
                $"{(value < least ? "raise" : "lower")} {field}{(value < least ? ", or set it to 0 where that is allowed" : "")}");
        }
        else if (value < 1 && (float)value >= 1)
        {
            Add(field, Text(value), "a number that float32 tells from 1", $"lower {field}");
        }
    }

    public void Fraction(string field, double value)
    {
        if (!(value >= 0 && value < 1))
            Add(field, Text(value), "0 or more and below 1", $"set {field} to 0.9");
    }

    public void Timeout(string field, TimeSpan value, bool mayBeZero)
    {
        if ((value >= JobSpecValidator.ShortestTimeout && value <= JobSpecValidator.LongestTimeout)
            || (value == TimeSpan.Zero && mayBeZero))
        {
            return;
        }
        var range = $"{Text(JobSpecValidator.ShortestTimeout.TotalMilliseconds)}ms to "
            + $"{Text(JobSpecValidator.LongestTimeout.TotalSeconds)}s";
        Add(
            field, Time(value), mayBeZero ? $"0s, or {range}" : range,
            $"{(value > JobSpecValidator.LongestTimeout ? "lower" : "raise")} {field}");
    }

    public static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    public static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    public static string Text(float value) => value.ToString("R", CultureInfo.InvariantCulture);

    // Seconds would show what is finer than a millisecond with an exponent.
    private static string Time(TimeSpan value) => value.Duration() < TimeSpan.FromSeconds(1) && value != TimeSpan.Zero
        ? ((decimal)value.Ticks / TimeSpan.TicksPerMillisecond).ToString(CultureInfo.InvariantCulture) + "ms"
        : Text(value.TotalSeconds) + "s";

    // What a stranger sent may be long and may steer a terminal.
    public static string Printable(string value) => PlainText.Line(value, 60);
}
