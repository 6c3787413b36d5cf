using System.Globalization;
using Coordinator.Disk;
using Coordinator.Worker.Files;

namespace Coordinator.Cli.Workers;

/// <summary>
/// The number that names a worker's process: Unix milliseconds at its start, and in any case more than that of every process of the node
/// before it, which is kept in a file. The silo takes a higher number for proof that the earlier processes are gone; were a clock that was
/// set back to lower it, the silo would refuse the node's worker until the clock has caught up.
/// </summary>
public static class BootNumber
{
    private const int MostBytes = 1 << 10;

    /// <summary>The number of this process; noted durably before it is used.</summary>
    /// <param name="folder">The worker's data folder.</param>
    /// <param name="node">Name of the node; several may share a folder.</param>
    /// <param name="started">When the process started, by the wall clock.</param>
    /// <exception cref="IOException">It cannot be noted.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be noted.</exception>
    public static long Next(string folder, string node, DateTimeOffset started)
    {
        var boot = Math.Max(started.ToUnixTimeMilliseconds(), Last(PathOf(folder, node)) + 1);
        Note(folder, node, boot);
        return boot;
    }

    /// <summary>
    /// Another process of the node had a higher number, noted elsewhere: this node's next one will be above it. Where it cannot be noted,
    /// the clock decides.
    /// </summary>
    /// <param name="folder">As for <see cref="Next"/>.</param>
    /// <param name="node">Name of the node.</param>
    /// <param name="boot">The other process's number.</param>
    public static void NoteAtLeast(string folder, string node, long boot)
    {
        try
        {
            if (boot > Last(PathOf(folder, node)))
                Note(folder, node, boot);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // The clock is right nearly always.
        }
    }

    private static string NameOf(string node) => $"boot-{Uri.EscapeDataString(node)}";

    private static string PathOf(string folder, string node) => Path.Combine(folder, NameOf(node));

    private static void Note(string folder, string node, long boot)
    {
        using var file = AtomicFile.Create(folder, NameOf(node));
        file.Stream.Write(System.Text.Encoding.ASCII.GetBytes(boot.ToString(CultureInfo.InvariantCulture)));
        file.Commit(PathOf(folder, node));
    }

    /// <summary>
    /// What the process before noted; 0 where there was none, or where the file is damaged, since the clock alone is right nearly always.
    /// </summary>
    private static long Last(string path)
    {
        try
        {
            return long.TryParse(RegularFile.ReadAllText(path, MostBytes), NumberStyles.None, CultureInfo.InvariantCulture, out var boot)
                && boot < long.MaxValue ? boot : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
