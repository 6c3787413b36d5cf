using System.Text;

namespace Coordinator.Runs.Gangs;

/// <summary>
/// Prints what ranks said: standard output there, the rest on standard error; with the rank before each line where several are shown. A
/// line that is longer than the log's is then several lines, since what another rank says may come between its pieces.
/// </summary>
public sealed class LogPrinter(TextWriter output, TextWriter error, bool withRanks, bool withTimes)
{
    private readonly Lock gate = new();

    /// <summary>A line of a rank's.</summary>
    public void Print(int rank, LogLine line)
    {
        var text = new StringBuilder();
        if (withTimes && line.Time.Length > 0)
            text.Append(line.Time).Append(' ');
        if (withRanks)
            text.Append('[').Append(rank).Append("] ");
        if (line.Stream == "coordinator")
            text.Append("coordinator: ");
        text.Append(line.Text);
        lock (gate)
        {
            var writer = line.Stream == "stdout" ? output : error;
            if (line.IsWhole || withRanks)
                writer.WriteLine(text);
            else
                writer.Write(text);
            writer.Flush();
        }
    }

    /// <summary>Something about the run, for people.</summary>
    public void Say(string text)
    {
        lock (gate)
            error.WriteLine(text);
    }
}
