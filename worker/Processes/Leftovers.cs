using System.Text;

namespace Coordinator.Worker.Processes;

/// <summary>
/// Processes of programs, found by the marks that their environment begins with. It finds what left its session; what also cleared its
/// environment is found only where there is a control group.
/// </summary>
internal static class Leftovers
{
    /// <summary>Variable that names the worker process that started a program: node, folder and boot.</summary>
    public const string WorkerMark = "COORDINATOR_WORKER";

    /// <summary>Variable that names one start of one program.</summary>
    public const string StartMark = "COORDINATOR_START";

    private const int MostRounds = 50;

    /// <summary>
    /// Kills every process whose environment says so, again until there is none: one may start another while it is looked for.
    /// </summary>
    /// <param name="isWanted">Whether a mark's value is of one that is to end.</param>
    /// <param name="mark">The variable.</param>
    /// <returns>How many were killed.</returns>
    public static int Kill(string mark, Func<string, bool> isWanted)
    {
        var killed = new HashSet<int>();
        for (var round = 0; round < MostRounds; round++)
        {
            var found = Find(mark, isWanted).ToArray();
            if (found.Length == 0)
                break;
            foreach (var process in found)
            {
                killed.Add(process);
                NativeProcess.Signal(process, NativeProcess.Kill);
            }

            // What was killed is gone as soon as its processor has seen it.
            Thread.Yield();
        }

        return killed.Count;
    }

    /// <summary>Processes that live and carry such a mark.</summary>
    public static IEnumerable<int> Find(string mark, Func<string, bool> isWanted)
    {
        var prefix = Encoding.UTF8.GetBytes($"{mark}=");
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder.AsSpan()), out var process) && process != Environment.ProcessId
                && ValueOf(process, prefix) is { } value && isWanted(value) && !IsDead(process))
            {
                yield return process;
            }
        }
    }

    private static string? ValueOf(int process, ReadOnlySpan<byte> prefix)
    {
        try
        {
            ReadOnlySpan<byte> rest = File.ReadAllBytes($"/proc/{process}/environ");
            while (rest.Length > 0)
            {
                var end = rest.IndexOf((byte)0);
                var entry = end < 0 ? rest : rest[..end];
                if (entry.StartsWith(prefix))
                    return Encoding.UTF8.GetString(entry[prefix.Length..]);
                rest = end < 0 ? [] : rest[(end + 1)..];
            }
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            // It is another user's, or is gone.
        }

        return null;
    }

    private static bool IsDead(int process)
    {
        try
        {
            var line = File.ReadAllText($"/proc/{process}/stat");
            return line[(line.LastIndexOf(')') + 2)..][0] is 'Z' or 'X';
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }
}
