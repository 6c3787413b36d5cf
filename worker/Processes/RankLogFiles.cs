using System.Globalization;
using Coordinator.Disk;

namespace Coordinator.Worker.Processes;

/// <summary>
/// Reads ranks' logs while they are written. A place in a log is the number of bytes that were written before it, whatever has been dropped
/// since.
/// </summary>
public static class RankLogFiles
{
    private const string Ending = ".log";

    /// <summary>A part of a log that is there, by where it begins.</summary>
    internal readonly record struct Segment(string Path, long From);

    /// <summary>Reads on from a place.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">The log.</param>
    /// <param name="from">The place; below 0: so many bytes before the end.</param>
    /// <param name="mostBytes">Most bytes to read.</param>
    /// <returns>What is there; null: there is no such log.</returns>
    public static LogPiece? Read(string folder, string name, long from, int mostBytes)
    {
        // A segment may be dropped between being listed and being opened: then the next look finds what is there instead.
        for (var attempt = 0; attempt < 3; attempt++)
        {
            var segments = SegmentsOf(folder, name).ToArray();
            if (segments.Length == 0)
                return null;
            try
            {
                var end = segments[^1].From + Length(segments[^1].Path);
                var start = Math.Clamp(from < 0 ? end + from : from, segments[0].From, end);
                var segment = segments.Last(one => one.From <= start);
                using var file = RegularFile.OpenRead(segment.Path);
                file.Seek(start - segment.From, SeekOrigin.Begin);
                var bytes = new byte[mostBytes];
                var count = file.ReadAtLeast(bytes, mostBytes, throwOnEndOfStream: false);
                return new LogPiece(start, bytes[..count], end);
            }
            catch (IOException)
            {
                // It was dropped.
            }
        }

        return null;
    }

    /// <summary>Names of the logs of a folder.</summary>
    public static IReadOnlyCollection<string> NamesIn(string folder) => !Directory.Exists(folder) ? [] :
        [.. Directory.EnumerateFiles(folder, $"*{Ending}").Select(path => Path.GetFileNameWithoutExtension(path))
            .Select(name => name[..Math.Max(0, name.LastIndexOf('.'))]).Where(name => name.Length > 0).Distinct()];

    internal static string PathOf(string folder, string name, long from) =>
        Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{name}.{from:D16}{Ending}"));

    /// <summary>What is there of a log, oldest first.</summary>
    internal static IEnumerable<Segment> SegmentsOf(string folder, string name) => !Directory.Exists(folder) ? [] :
        Directory.EnumerateFiles(folder, $"{name}.*{Ending}")
            .Select(path => (Path: path, Middle: Path.GetFileNameWithoutExtension(path.AsSpan())[(name.Length + 1)..].ToString()))
            .Where(file => long.TryParse(file.Middle, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            .Select(file => new Segment(file.Path, long.Parse(file.Middle, CultureInfo.InvariantCulture)))
            .OrderBy(segment => segment.From).ToArray();

    private static long Length(string path) => new FileInfo(path).Length;
}
