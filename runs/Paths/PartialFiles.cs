using System.Diagnostics;
using System.Globalization;

namespace Coordinator.Runs.Paths;

/// <summary>
/// Names of files that are not whole yet, and their removal when the process that wrote them is gone: a kill leaves them behind. A name
/// says which process of which host writes, so that nobody removes what another one is writing.
/// </summary>
public static class PartialFiles
{
    private const string Suffix = ".part";

    private static string Host { get; } = string.Concat(
        Environment.MachineName.Select(letter => char.IsAsciiLetterOrDigit(letter) || letter == '-' ? letter : '_'));

    /// <summary>Where this process writes what is to become <paramref name="path"/>.</summary>
    public static string NameFor(string path) =>
        string.Create(CultureInfo.InvariantCulture, $"{path}.{Host}-{Environment.ProcessId}{Suffix}");

    /// <summary>Removes what dead processes of this host left of <paramref name="path"/>. What cannot be removed stays.</summary>
    public static void Clean(string path)
    {
        var (folder, start) = (Path.GetDirectoryName(Path.GetFullPath(path))!, $"{Path.GetFileName(path)}.{Host}-");
        try
        {
            foreach (var file in Directory.EnumerateFiles(folder).Where(file =>
                Path.GetFileName(file).StartsWith(start, StringComparison.Ordinal) && file.EndsWith(Suffix, StringComparison.Ordinal)))
            {
                var writer = Path.GetFileName(file)[start.Length..^Suffix.Length];
                if (int.TryParse(writer, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && !IsAlive(pid))
                    File.Delete(file);
            }
        }
        catch (Exception cannot) when (cannot is IOException or UnauthorizedAccessException)
        {
            // It only takes room.
        }
    }

    private static bool IsAlive(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            return !process.HasExited;
        }
        catch (Exception gone) when (gone is ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }
}
