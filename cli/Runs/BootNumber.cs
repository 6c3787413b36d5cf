using System.Globalization;
using Coordinator.Worker.Files;

namespace Coordinator.Cli.Runs;

/// <summary>
/// The number that names a worker's process: Unix milliseconds at its start, and in any case more than that of every process of the node
/// before it, which is kept in a file. The silo takes a higher number for proof that the earlier processes are gone; were a clock that was
/// set back to lower it, the silo would refuse the node's worker until the clock has caught up.
/// </summary>
public static class BootNumber
{
    /// <summary>The number of this process; noted durably before it is used.</summary>
    /// <param name="folder">The worker's data folder.</param>
    /// <param name="node">Name of the node; several may share a folder.</param>
    /// <param name="started">When the process started, by the wall clock.</param>
    /// <exception cref="IOException">It cannot be noted.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be noted.</exception>
    public static long Next(string folder, string node, DateTimeOffset started)
    {
        var name = $"boot-{Uri.EscapeDataString(node)}";
        var path = Path.Combine(folder, name);
        var boot = Math.Max(started.ToUnixTimeMilliseconds(), Last(path) + 1);
        using var file = AtomicFile.Create(folder, name);
        file.Stream.Write(System.Text.Encoding.ASCII.GetBytes(boot.ToString(CultureInfo.InvariantCulture)));
        file.Commit(path);
        return boot;
    }

    /// <summary>What the process before noted; 0 where there was none, or where the file is damaged, since the clock alone is right nearly always.</summary>
    private static long Last(string path) =>
        File.Exists(path) && long.TryParse(File.ReadAllText(path), NumberStyles.None, CultureInfo.InvariantCulture, out var boot) && boot < long.MaxValue ? boot : 0;
}
