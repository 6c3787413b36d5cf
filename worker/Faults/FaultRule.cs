using System.Globalization;

namespace Coordinator.Worker.Faults;

/// <summary>
/// One planned fault, written <c>action@point:number</c>, a freeze with its seconds after another colon, and a hold with the file that ends
/// it:
/// <c>kill@collective:37</c>, <c>kill@prepare:3</c>, <c>kill@final</c>, <c>flip@contribution:37</c>,
/// <c>lose@compute:37</c>, <c>freeze@compute:37:5s</c>, <c>hold@compute:37:/tmp/go-on</c>. The demo, the chaos scenarios and the benches
/// plan their faults with it, give it to a worker as an option, and know it again in what that worker announces.
/// </summary>
public sealed record FaultRule(FaultAction Action, FaultPoint Point, long Number = 0, TimeSpan Duration = default)
{
    /// <summary>The worker's option that takes a rule.</summary>
    public const string Option = "--fault";

    private const string Announcing = "fault ";

    /// <summary>The file whose being there ends a hold; empty for any other fault.</summary>
    public string File { get; init; } = "";

    /// <summary>The rule as it is written.</summary>
    public override string ToString()
    {
        var number = Point == FaultPoint.Final ? "" : $":{Number}";
        var duration = Action == FaultAction.Freeze ? $":{Duration.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture)}s"
            : Action == FaultAction.Hold ? $":{File}"
            : "";
        return $"{Action.ToString().ToLowerInvariant()}@{Point.ToString().ToLowerInvariant()}{number}{duration}";
    }

    /// <summary>The arguments that make a worker suffer it.</summary>
    public string[] Arguments => [Option, ToString()];

    /// <summary>The line that a worker prints to standard error right before it strikes.</summary>
    public string Announcement => Announcing + this;

    /// <summary>The fault that a line of a worker announces; null where it announces none.</summary>
    public static FaultRule? Announced(string line)
    {
        if (!line.StartsWith(Announcing, StringComparison.Ordinal))
            return null;
        try
        {
            return Parse(line[Announcing.Length..]);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>Reads a rule.</summary>
    /// <exception cref="FormatException">The text is no rule; the message says what one looks like.</exception>
    public static FaultRule Parse(string text)
    {
        var at = text.IndexOf('@');
        var isHold = text.StartsWith("hold@", StringComparison.Ordinal);
        var parts = at < 0 ? [] : text[(at + 1)..].Split(':', isHold ? 3 : int.MaxValue);
        if (at < 0 || !TryName<FaultAction>(text[..at], out var action) || !TryName<FaultPoint>(parts[0], out var point))
            throw Bad(text);
        long number = 0;
        var duration = TimeSpan.Zero;
        var expected = 1 + (point == FaultPoint.Final ? 0 : 1) + (action is FaultAction.Freeze or FaultAction.Hold ? 1 : 0);
        if (parts.Length != expected || (isHold && (point != FaultPoint.Compute || parts[^1].Length == 0))
            || (action == FaultAction.Flip && point != FaultPoint.Contribution)
            || (action is FaultAction.Lose or FaultAction.Hang && point is not (FaultPoint.Compute or FaultPoint.Apply)))
        {
            throw Bad(text);
        }
        if (point != FaultPoint.Final
            && (!long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out number) || number < 1))
        {
            throw Bad(text);
        }
        if (action == FaultAction.Freeze)
        {
            var seconds = parts[^1].TrimEnd('s');
            if (!double.TryParse(seconds, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
                || value is <= 0 or > 3600)
            {
                throw Bad(text);
            }
            duration = TimeSpan.FromSeconds(value);
        }

        return new FaultRule(action, point, number, duration) { File = isHold ? parts[^1] : "" };
    }

    private static bool TryName<T>(string text, out T value)
        where T : struct, Enum
    {
        value = default;
        return text.Length > 0 && char.IsAsciiLetterLower(text[0]) && Enum.TryParse(text, ignoreCase: true, out value);
    }

    private static FormatException Bad(string text) => new(
        $"'{text}' is no fault: write kill@POINT:NUMBER with one of {Points}, kill@final, flip@contribution:STEP, lose@compute:STEP, "
            + "lose@apply:STEP, hang@compute:STEP, hang@apply:STEP, freeze@POINT:NUMBER:SECONDSs or hold@compute:STEP:FILE");

    private static string Points => string.Join(
        ", ", Enum.GetNames<FaultPoint>().Where(name => name != nameof(FaultPoint.Final)).Select(name => name.ToLowerInvariant()));
}
