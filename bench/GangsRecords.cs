using System.Globalization;

namespace Coordinator.Bench;

/// <summary>
/// What a gang's own processes have written down, a file for each: a line when it begins, and one for each step, with the generation and
/// the machine's time. It says what ran when, whatever the coordinator believes of it.
/// </summary>
internal static class GangsRecords
{
    /// <summary>A line: without a step, that the process has begun.</summary>
    public sealed record Note(int Rank, int Process, long Generation, double At, long? Step);

    /// <summary>All lines of a gang. One that is only half written, since its process was killed, says nothing.</summary>
    public static IReadOnlyList<Note> Read(string shared) =>
    [
        .. from path in Directory.GetFiles(shared, "record-*")
           let name = Path.GetFileName(path).Split('-')
           from line in File.ReadAllText(path).Split('\n').SkipLast(1)
           let parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
           where parts.Length is 2 or 3
           select new Note(
               Number(name[1]),
               Number(name[2]),
               long.Parse(parts[0], CultureInfo.InvariantCulture),
               double.Parse(parts[1], CultureInfo.InvariantCulture),
               parts.Length == 3 ? long.Parse(parts[2], CultureInfo.InvariantCulture) : null),
    ];

    /// <summary>Machine's time in seconds, as processes write it down.</summary>
    public static double Now => double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture);

    /// <summary>
    /// Generations of which one had begun before an earlier one had ended. What a frozen host's processes do when it thaws is nobody's
    /// fault: an agent that is frozen cannot kill.
    /// </summary>
    /// <param name="notes">The lines.</param>
    /// <param name="excused">Processes that stood still for longer than their lease, with their agent.</param>
    public static int Overlaps(IEnumerable<Note> notes, IReadOnlySet<int> excused)
    {
        var spans = notes.Where(note => !excused.Contains(note.Process)).GroupBy(note => note.Generation).OrderBy(group => group.Key)
            .Select(group => (First: group.Min(note => note.At), Last: group.Max(note => note.At))).ToArray();
        var (overlaps, last) = (0, double.MinValue);
        foreach (var span in spans)
        {
            overlaps += span.First < last ? 1 : 0;
            last = Math.Max(last, span.Last);
        }

        return overlaps;
    }

    /// <summary>Processes that live and whose environment names the gang's folder.</summary>
    public static IReadOnlyList<int> Living(string shared)
    {
        List<int> living = [];
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            try
            {
                if (int.TryParse(Path.GetFileName(folder), out var process)
                    && File.ReadAllText(Path.Combine(folder, "environ")).Contains($"GANG_FOLDER={shared}\0", StringComparison.Ordinal))
                {
                    living.Add(process);
                }
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // It has ended, or is somebody else's.
            }
        }

        return living;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
