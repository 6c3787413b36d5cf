using System.Globalization;
using Coordinator.Configuration;

namespace Coordinator.Runs.Alerts;

/// <summary>The number of a rule: a time, a count, a count in a time, a share, or nothing but that it is on.</summary>
/// <param name="Time">For how long, or within which time.</param>
/// <param name="Count">How many.</param>
/// <param name="Share">How much of a whole, 0 to 1.</param>
public sealed record AlertLimit(TimeSpan Time, int Count, double Share)
{
    /// <summary>Reads one, of the form that the rule's default has.</summary>
    /// <exception cref="FormatException">It is of another form, or out of range.</exception>
    public static AlertLimit Parse(AlertRule rule, string text)
    {
        var none = new AlertLimit(TimeSpan.Zero, 0, 0);
        var form = rule.Default;
        if (form == "on")
            return text == "on" ? none : throw Bad("on");
        if (form.EndsWith('%'))
        {
            return text.EndsWith('%')
                && double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var share)
                && share is > 0 and <= 100 ? none with { Share = share / 100 } : throw Bad("a share, such as 95%");
        }

        if (form.Contains(" in ", StringComparison.Ordinal))
        {
            var parts = text.Split(" in ");
            return parts.Length == 2 && ReadCount(parts[0]) is { } count && ReadTime(parts[1]) is { } within
                ? none with { Count = count, Time = within } : throw Bad("a number in a time, such as 5 in 10m");
        }

        if (form.All(char.IsAsciiDigit))
            return ReadCount(text) is { } count ? none with { Count = count } : throw Bad("a number of 1 to 1000000");
        return ReadTime(text) is { } time ? none with { Time = time } : throw Bad("a time, such as 30s or 5m");

        FormatException Bad(string right) => new($"{rule.Name} is '{text}' and must be {right}, or off");
    }

    private static int? ReadCount(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is > 0 and <= 1_000_000 ? count : null;

    private static TimeSpan? ReadTime(string text) =>
        DurationText.TryParse(text, out var time) && time > TimeSpan.Zero && time <= TimeSpan.FromDays(40) ? time : null;
}
