using System.Globalization;
using Coordinator.Machines;

namespace Coordinator.Configuration;

/// <summary>
/// Durations as people write them: a number and its unit, <c>ms</c>, <c>s</c>, <c>m</c> or <c>h</c>; a bare <c>0</c> needs none.
/// </summary>
public static class DurationText
{
    // Longest first, for writing; "ms" before "s" and "m" for reading.
    private static readonly (string Unit, long Ticks)[] Units =
    [
        ("ms", TimeSpan.TicksPerMillisecond),
        ("h", TimeSpan.TicksPerHour),
        ("m", TimeSpan.TicksPerMinute),
        ("s", TimeSpan.TicksPerSecond),
    ];

    /// <summary>Reads a duration; false where the text is none, is finer than 100 ns or exceeds a <see cref="TimeSpan"/>.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        if (text == "0")
            return true;

        foreach (var (unit, ticksPerUnit) in Units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal))
                return TryScale(text.AsSpan(0, text.Length - unit.Length), ticksPerUnit, out duration);
        }

        return false;
    }

    /// <summary>Writes a duration in the largest unit in which it is a whole number; reading it back gives the same.</summary>
    public static string Format(TimeSpan duration)
    {
        foreach (var (unit, ticksPerUnit) in Units.OrderByDescending(unit => unit.Ticks))
        {
            if (duration.Ticks % ticksPerUnit == 0 && duration.Ticks != 0)
                return (duration.Ticks / ticksPerUnit).ToString(CultureInfo.InvariantCulture) + unit;
        }

        return duration.Ticks == 0 ? "0s" : (
            (decimal)duration.Ticks / TimeSpan.TicksPerMillisecond).ToString(CultureInfo.InvariantCulture) + "ms";
    }

    // Decimal, because 0.1 s are exactly 100 ms.
    private static bool TryScale(ReadOnlySpan<char> number, long ticksPerUnit, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        if (PlainText.IndexOfHostile(number) >= 0)
            return false;
        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint;
        if (!decimal.TryParse(number, Style, CultureInfo.InvariantCulture, out var value)
            || decimal.Abs(value) > long.MaxValue / ticksPerUnit)
        {
            return false;
        }

        // Less than nothing is no duration, and neither is less than nothing of it.
        if (value == 0 && number.StartsWith("-"))
            return false;
        var ticks = value * ticksPerUnit;
        duration = new TimeSpan((long)ticks);
        return decimal.IsInteger(ticks);
    }
}
