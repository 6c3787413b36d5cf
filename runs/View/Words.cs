namespace Coordinator.Runs.View;

/// <summary>Numbers and times as people say them.</summary>
public static class Words
{
    private const string Blocks = "▁▂▃▄▅▆▇█";

    /// <summary><c>0.42 s</c>, <c>38 s</c>, <c>2 min 05 s</c>, <c>3 h 10 min</c>.</summary>
    public static string Duration(TimeSpan time) => time switch
    {
        { TotalSeconds: < 10 } => $"{time.TotalSeconds:0.00} s",
        { TotalSeconds: < 60 } => $"{time.TotalSeconds:0} s",
        { TotalMinutes: < 60 } => time.Seconds == 0 ? $"{time.Minutes} min" : $"{time.Minutes} min {time.Seconds:00} s",
        _ => $"{(int)time.TotalHours} h {time.Minutes:00} min",
    };

    /// <summary><c>m:ss</c> or <c>h:mm:ss</c>, for clocks that run.</summary>
    public static string Clock(TimeSpan time) =>
        time.TotalHours >= 1 ? $"{(int)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}" : $"{time.Minutes}:{time.Seconds:00}";

    /// <summary><c>812</c>, <c>11.4k</c>, <c>2.3M</c>.</summary>
    public static string Count(double count) => count switch
    {
        < 1000 => $"{count:0}",
        < 1_000_000 => $"{count / 1000:0.0}k",
        < 1_000_000_000 => $"{count / 1_000_000:0.0}M",
        _ => $"{count / 1_000_000_000:0.0}G",
    };

    /// <summary><c>513 B</c>, <c>1.2 MB</c>.</summary>
    public static string Bytes(long bytes) => bytes < 1000 ? $"{bytes} B" : Count(bytes) switch
    {
        var text => $"{text[..^1]} {char.ToUpperInvariant(text[^1])}B".Replace("KB", "kB", StringComparison.Ordinal),
    };

    /// <summary>A line of block characters, lowest value to highest; one character a value.</summary>
    public static string Sparkline(IReadOnlyList<double> values)
    {
        var finite = values.Where(double.IsFinite).ToArray();
        if (finite.Length == 0)
            return "";
        var (low, high) = (finite.Min(), finite.Max());
        return string.Concat(values.Select(value => !double.IsFinite(value)
            ? '?'
            : Blocks[high > low ? (int)((value - low) / (high - low) * (Blocks.Length - 1)) : 0]));
    }
}
