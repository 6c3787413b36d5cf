namespace Coordinator.Runs.Gangs;

/// <summary>A line of a rank's log.</summary>
/// <param name="Time">When it came, as it is written.</param>
/// <param name="Stream"><c>stdout</c>, <c>stderr</c> or <c>coordinator</c>.</param>
/// <param name="IsWhole">Whether the line ends here; else it goes on in the next one.</param>
/// <param name="Text">The text.</param>
public readonly record struct LogLine(string Time, string Stream, bool IsWhole, string Text)
{
    /// <summary>Reads <c>time stream F text</c>; anything else is a line without a time.</summary>
    public static LogLine Parse(string line)
    {
        var parts = line.Split(' ', 4);
        return parts is [var time, "stdout" or "stderr" or "coordinator", "F" or "P", var text] ? new LogLine(
            time, parts[1], parts[2] == "F", text) : new LogLine("", "stdout", true, line);
    }
}
