using System.Globalization;

namespace Coordinator.Programs;

/// <summary>
/// A program's own settings. Which there are, the program says by reading them, all of them in its constructor: a setting that it has not
/// read by then is refused as unknown, with the names of those that it has.
/// </summary>
/// <param name="given">What the job sets, as text.</param>
public sealed class ProgramSettings(IReadOnlyDictionary<string, string> given)
{
    private readonly SortedSet<string> read = new(StringComparer.Ordinal);

    /// <summary>Names that were read so far.</summary>
    public IReadOnlyCollection<string> Read => read;

    /// <summary>Names that the job sets.</summary>
    public IEnumerable<string> Given => given.Keys;

    /// <summary>A whole number.</summary>
    /// <exception cref="ProgramException">It is something else, or out of range.</exception>
    public int Int(string name, int otherwise, int least = int.MinValue, int most = int.MaxValue)
    {
        if (Find(name) is not { } text)
            return otherwise;
        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least
            && value <= most
            ? value
            : throw Wrong(name, text, "a whole number", least == int.MinValue ? null : $"{least}", most == int.MaxValue ? null : $"{most}");
    }

    /// <summary>A finite number.</summary>
    /// <exception cref="ProgramException">It is something else, or out of range.</exception>
    public double Number(string name, double otherwise, double least = double.MinValue, double most = double.MaxValue)
    {
        if (Find(name) is not { } text)
            return otherwise;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
            ? value
            : throw Wrong(name, text, "a number", least == double.MinValue ? null : Text(least), most == double.MaxValue ? null
            : Text(most));
    }

    /// <summary>true or false.</summary>
    /// <exception cref="ProgramException">It is something else.</exception>
    public bool Flag(string name, bool otherwise) => Find(name) switch
    {
        null => otherwise,
        "true" => true,
        "false" => false,
        var text => throw Wrong(name, text, "true or false", null, null),
    };

    /// <summary>A text, one of <paramref name="choices"/> where there are any.</summary>
    /// <exception cref="ProgramException">It is none of them.</exception>
    public string Text(string name, string otherwise, params string[] choices)
    {
        if (Find(name) is not { } text)
            return otherwise;
        return choices.Length == 0 || choices.Contains(text, StringComparer.Ordinal) ? text : throw Wrong(name, text, string.Join(" or ",
            choices), null, null);
    }

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static ProgramException Wrong(string name, string text, string what, string? least, string? most)
    {
        var range = (least, most) switch
        {
            (null, null) => "",
            (_, null) => $", {least} or more",
            (null, _) => $", {most} or less",
            _ => $", {least} to {most}",
        };
        return new ProgramException($"settings.{name} is '{text}' but must be {what}{range}");
    }

    private string? Find(string name)
    {
        read.Add(name);
        return given.GetValueOrDefault(name);
    }
}
