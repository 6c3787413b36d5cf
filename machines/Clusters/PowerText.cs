using System.Globalization;

namespace Coordinator.Machines.Clusters;

/// <summary>Watts as people write them.</summary>
public static class PowerText
{
    private static readonly (string Unit, long Watts)[] Units = [("GW", 1_000_000_000), ("MW", 1_000_000), ("kW", 1000), ("W", 1)];

    /// <summary>
    /// Watts in the largest unit of which there is at least one, with up to three decimals: <c>700 W</c>, <c>1.25 kW</c>, <c>150 MW</c>.
    /// </summary>
    public static string Of(long watts)
    {
        var (unit, size) = Units.FirstOrDefault(unit => watts >= unit.Watts);
        return unit is null
            ? watts.ToString(CultureInfo.InvariantCulture) + " W"
            : ((decimal)watts / size).ToString("0.###", CultureInfo.InvariantCulture) + " " + unit;
    }

    /// <summary>
    /// Reads a number with a unit (<c>W</c>, <c>kW</c>, <c>MW</c>, <c>GW</c>, with or without a blank before it) or without one (watts).
    /// </summary>
    /// <returns>Whole watts; false where the text is none, is negative, is no whole number of watts or is more than
    /// <see cref="PowerSettings.MostWatts"/>.</returns>
    public static bool TryParse(string text, out long watts)
    {
        watts = 0;
        var (unit, size) = Units.FirstOrDefault(unit => text.EndsWith(unit.Unit, StringComparison.Ordinal));
        var number = (unit is null ? text : text[..^unit.Length]).TrimEnd(' ');
        if (!PlainText.IsPlain(text)
            || !decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
                || value > PowerSettings.MostWatts)
        {
            return false;
        }
        value *= unit is null ? 1 : size;
        if (value > PowerSettings.MostWatts || !decimal.IsInteger(value))
            return false;
        watts = (long)value;
        return true;
    }
}
