namespace Coordinator.Worker.Processes;

/// <summary>
/// A control group of the worker's own, with one below it for each program: whatever a program starts stays in it, and one write ends all
/// of it.
/// There is one only where the system has cgroup v2 with <c>cgroup.kill</c> (Linux 5.14) and lets the worker make groups under its own: in
/// a systemd unit with <c>Delegate=yes</c>, and as root.
/// </summary>
internal sealed class ControlGroup : IDisposable
{
    private const string KillFile = "cgroup.kill";

    private readonly string path;

    private ControlGroup(string path) => this.path = path;

    /// <summary>A group for a worker's programs; null: the system lets it have none.</summary>
    public static ControlGroup? TryCreate(string name)
    {
        try
        {
            var mount = File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' ')).FirstOrDefault(
                parts => Array.IndexOf(parts, "-") is > 4 and var dash && parts[dash + 1] == "cgroup2");
            var own = File.ReadLines("/proc/self/cgroup").FirstOrDefault(line => line.StartsWith("0::/", StringComparison.Ordinal));
            if (mount is null || own is null)
                return null;
            var made = Path.Combine(mount[4], own[4..], name);
            Directory.CreateDirectory(made);
            if (File.Exists(Path.Combine(made, KillFile)) && CanBeWritten(made))
                return new ControlGroup(made);
            Directory.Delete(made);
        }
        catch (Exception closed) when (closed is IOException or UnauthorizedAccessException)
        {
            // It is not delegated: programs are told by their session and their environment.
        }

        return null;
    }

    /// <summary>Makes the group of one program.</summary>
    /// <returns>Its folder; empty: it cannot be made.</returns>
    public string Make(string program)
    {
        try
        {
            return Directory.CreateDirectory(Path.Combine(path, program)).FullName;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>Kills whatever is in a program's group.</summary>
    public static void Kill(string group)
    {
        try
        {
            if (group.Length > 0)
                File.WriteAllText(Path.Combine(group, KillFile), "1");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // There is no such group any more.
        }
    }

    /// <summary>
    /// Takes away a group that nothing is in; what is killed leaves it a moment later, and then the next one to end takes both away.
    /// </summary>
    public static void Remove(string group)
    {
        try
        {
            if (group.Length > 0)
                Directory.Delete(group);
        }
        catch (Exception busy) when (busy is IOException or UnauthorizedAccessException)
        {
            // An empty group costs nothing.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            foreach (var group in Directory.GetDirectories(path))
                Remove(group);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // There is nothing to tidy.
        }

        Remove(path);
    }

    private static bool CanBeWritten(string group)
    {
        using var _ = new FileStream(Path.Combine(group, "cgroup.procs"), FileMode.Open, FileAccess.Write);
        return true;
    }
}
