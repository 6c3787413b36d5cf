using System.Globalization;

namespace Coordinator.Machines.Jobs.Policies;

/// <summary>How often a job saves its state.</summary>
/// <param name="IsOff">Never, unless somebody asks.</param>
/// <param name="Steps">Every so many steps; 0: not by steps.</param>
/// <param name="Time">So long after the last one; zero: by Young and Daly, if it is neither off nor by steps.</param>
public readonly record struct CheckpointInterval(bool IsOff, long Steps, TimeSpan Time)
{
    /// <summary>What the setting may be, to be read after "must be".</summary>
    public const string Rule = "auto, off, a number of steps such as 500, or a time such as 90s, 10m or 1h";

    /// <summary>Time between checkpoints before anything was observed.</summary>
    public static readonly TimeSpan First = TimeSpan.FromSeconds(30);

    /// <summary>
    /// What is believed of the time between failures before any was seen: one in three hours, as published of 16,384 GPUs (Llama 3).
    /// </summary>
    public static readonly TimeSpan PriorMtbf = TimeSpan.FromHours(3);

    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    /// <summary>What a job's spec says; off where it says nothing that can be read.</summary>
    public static CheckpointInterval Of(CheckpointSpec spec) =>
        TryParse(spec.Interval, out var interval) ? interval : new CheckpointInterval(IsOff: true, 0, default);

    /// <summary>Reads the setting.</summary>
    public static bool TryParse(string text, out CheckpointInterval interval)
    {
        interval = default;
        if (!PlainText.IsPlain(text))
            return false;
        if (text == "auto")
            return true;
        if (text == "off")
        {
            interval = new CheckpointInterval(true, 0, default);
            return true;
        }

        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var steps))
        {
            interval = new CheckpointInterval(false, steps, default);
            return steps > 0;
        }

        var unit = text.TrimStart([.. "0123456789."]);
        if (!double.TryParse(text[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value))
            return false;
        var seconds = unit switch { "ms" => value / 1000, "s" => value, "m" => value * 60, "h" => value * 3600, _ => double.NaN };
        if (!(seconds >= 0.1 && seconds <= TimeSpan.FromDays(7).TotalSeconds))
            return false;
        interval = new CheckpointInterval(false, 0, TimeSpan.FromSeconds(seconds));
        return true;
    }

    /// <summary>
    /// The time between checkpoints that loses least: the root of 2 C M, of Young (1974) as Daly (2006) has it for C much below M, where
    /// C is what a checkpoint costs and M the mean time between failures. M begins with <see cref="PriorMtbf"/>, as though one failure had
    /// been seen in that time, and tends to what is observed. Between 5 s, or twice the cost, and an hour.
    /// </summary>
    /// <param name="cost">Time that a checkpoint takes: the copy for which training waits and the writing beside it, which costs at most
    /// its own time.</param>
    /// <param name="observed">How long the job was observed.</param>
    /// <param name="failures">Failures in that time.</param>
    public static TimeSpan YoungDaly(TimeSpan cost, TimeSpan observed, int failures)
    {
        var mtbf = (observed + PriorMtbf).TotalSeconds / (failures + 1);
        var seconds = Math.Sqrt(2 * cost.TotalSeconds * mtbf);
        var least = Math.Max(Shortest.TotalSeconds, 2 * cost.TotalSeconds);
        return TimeSpan.FromSeconds(Math.Clamp(seconds, least, Math.Max(least, Longest.TotalSeconds)));
    }
}
