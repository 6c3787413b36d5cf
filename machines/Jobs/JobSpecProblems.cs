using System.Globalization;

namespace Coordinator.Machines.Jobs;

/// <summary>Gathers problems; one method for each rule that several fields share.</summary>
internal sealed class JobSpecProblems
{
    private readonly List<JobSpecProblem> _found = [];

    public IReadOnlyList<JobSpecProblem> Found => _found;

    public void Add(string field, string value, string rule, string remedy) => _found.Add(new(field, value, rule, remedy));

    public void AtLeast(string field, long value, long least)
    {
        if (value < least)
        {
            Add(field, Text(value), $"{Text(least)} or more", $"raise {field}");
        }
    }

    public void Between(string field, long value, long least, long most)
    {
        if (value < least || value > most)
        {
            Add(field, Text(value), $"{Text(least)} to {Text(most)}", $"{(value < least ? "raise" : "lower")} {field}");
        }
    }

    public void Above(string field, double value, double bound)
    {
        if (!(value > bound && double.IsFinite(value)))
        {
            Add(field, Text(value), $"a finite number above {Text(bound)}", $"raise {field}");
        }
    }

    public void NotNegative(string field, double value, string remedy)
    {
        if (!(value >= 0 && double.IsFinite(value)))
        {
            Add(field, Text(value), "a finite number, 0 or more", remedy);
        }
    }

    public void Fraction(string field, double value)
    {
        if (!(value >= 0 && value < 1))
        {
            Add(field, Text(value), "0 or more and below 1", $"set {field} to 0.9");
        }
    }

    public void Timeout(string field, TimeSpan value, bool mayBeZero)
    {
        if (value < TimeSpan.Zero || (value == TimeSpan.Zero && !mayBeZero) || value > JobSpecValidator.LongestTimeout)
        {
            var longest = $"{Text(JobSpecValidator.LongestTimeout.TotalSeconds)}s";
            Add(
                field,
                $"{Text(value.TotalSeconds)}s",
                mayBeZero ? $"0s to {longest}" : $"above 0s, at most {longest}",
                $"{(value > JobSpecValidator.LongestTimeout ? "lower" : "raise")} {field}");
        }
    }

    public static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    public static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    // What a stranger sent may be long and may steer a terminal.
    public static string Printable(string value)
    {
        var shown = new string([.. value.Take(60).Select(c => char.IsControl(c) ? '?' : c)]);
        return value.Length > 60 ? shown + "..." : shown;
    }
}
