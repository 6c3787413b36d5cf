using System.Globalization;

namespace Coordinator.Worker.Faults;

/// <summary>
/// One planned fault, written <c>action@point:number</c>, a freeze with its seconds after another colon:
/// <c>kill@collective:37</c>, <c>kill@prepare:3</c>, <c>kill@final</c>, <c>flip@contribution:37</c>,
/// <c>lose@compute:37</c>, <c>freeze@compute:37:5s</c>.
/// </summary>
public sealed record FaultRule(FaultAction Action, FaultPoint Point, long Number, TimeSpan Duration)
{
    /// <summary>The rule as it is written.</summary>
    public override string ToString()
    {
        var number = Point == FaultPoint.Final ? "" : $":{Number}";
        var duration = Action == FaultAction.Freeze ? $":{Duration.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture)}s" : "";
        return $"{Action.ToString().ToLowerInvariant()}@{Point.ToString().ToLowerInvariant()}{number}{duration}";
    }

    /// <summary>Reads a rule.</summary>
    /// <exception cref="FormatException">The text is no rule; the message says what one looks like.</exception>
    public static FaultRule Parse(string text)
    {
        var at = text.IndexOf('@');
        var parts = at < 0 ? [] : text[(at + 1)..].Split(':');
        if (at < 0 || !TryName<FaultAction>(text[..at], out var action) || !TryName<FaultPoint>(parts[0], out var point))
            throw Bad(text);
        long number = 0;
        var duration = TimeSpan.Zero;
        var expected = 1 + (point == FaultPoint.Final ? 0 : 1) + (action == FaultAction.Freeze ? 1 : 0);
        if (parts.Length != expected || (action == FaultAction.Flip && point != FaultPoint.Contribution) || (action == FaultAction.Lose && point is not (FaultPoint.Compute or FaultPoint.Apply)))
            throw Bad(text);
        if (point != FaultPoint.Final && (!long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out number) || number < 1))
            throw Bad(text);
        if (action == FaultAction.Freeze)
        {
            var seconds = parts[^1].TrimEnd('s');
            if (!double.TryParse(seconds, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) || value is <= 0 or > 3600)
                throw Bad(text);
            duration = TimeSpan.FromSeconds(value);
        }

        return new FaultRule(action, point, number, duration);
    }

    private static bool TryName<T>(string text, out T value)
        where T : struct, Enum
    {
        value = default;
        return text.Length > 0 && char.IsAsciiLetterLower(text[0]) && Enum.TryParse(text, ignoreCase: true, out value);
    }

    private static FormatException Bad(string text) => new(
        $"'{text}' is no fault: write kill@POINT:NUMBER with one of {Points}, kill@final, flip@contribution:STEP, lose@compute:STEP, lose@apply:STEP or freeze@POINT:NUMBER:SECONDSs");

    private static string Points => string.Join(", ", Enum.GetNames<FaultPoint>().Where(name => name != nameof(FaultPoint.Final)).Select(name => name.ToLowerInvariant()));
}
