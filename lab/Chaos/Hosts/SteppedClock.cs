using System.Diagnostics;
using System.Globalization;

namespace Coordinator.Lab.Chaos.Hosts;

/// <summary>
/// A wall clock that can be stepped under running processes, by libfaketime: the processes that are started with it read how far it is
/// off from a file. Their monotonic clock is the machine's, as under a step of the real one.
/// </summary>
internal sealed class SteppedClock
{
    private readonly string library;
    private readonly string file;

    /// <summary>A clock that is right.</summary>
    public SteppedClock(string library, string file)
    {
        (this.library, this.file) = (library, file);
        Step(TimeSpan.Zero);
    }

    /// <summary>libfaketime for programs with threads; null where it is not installed.</summary>
    public static string? FindLibrary()
    {
        string[] roots = ["/usr/lib", "/usr/lib64", "/usr/local/lib"];
        return roots.Where(Directory.Exists)
            .SelectMany(root => Directory.GetDirectories(root).Append(root))
            .Select(folder => Path.Combine(folder, "faketime", "libfaketimeMT.so.1"))
            .FirstOrDefault(File.Exists);
    }

    /// <summary>Sets how far the clock is off the machine's; processes see it within a second.</summary>
    public void Step(TimeSpan offset)
    {
        var text = offset.TotalSeconds.ToString("+0;-0;+0", CultureInfo.InvariantCulture);
        File.WriteAllText(file + ".new", text);
        File.Move(file + ".new", file, overwrite: true);
    }

    /// <summary>The command with this clock.</summary>
    public ProcessStartInfo With(ProcessStartInfo command)
    {
        command.Environment["LD_PRELOAD"] = library;
        command.Environment["FAKETIME_TIMESTAMP_FILE"] = file;
        command.Environment["FAKETIME_CACHE_DURATION"] = "1";

        // One name for each of its versions.
        command.Environment["DONT_FAKE_MONOTONIC"] = "1";
        command.Environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1";
        return command;
    }
}
