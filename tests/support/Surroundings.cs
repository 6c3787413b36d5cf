using System.Runtime.InteropServices;

namespace Coordinator.Tests.Support;

/// <summary>
/// What a test's process inherits from whoever started it, made the same everywhere before the first test: the processes that tests start
/// inherit it in turn. A shell that starts the tests in the background has their SIGINT ignored, <c>nohup</c> their SIGHUP, and an ignored
/// signal ends nobody; a user's mask closes files, a proxy takes requests away, a home, a time zone and variables of the coordinator's
/// own and of ASP.NET's bring settings of that user's.
/// </summary>
public static partial class Surroundings
{
    private const nint Default = 0;
    private const nint Ignored = 1;

    /// <summary>The numbers of Linux and macOS for SIGHUP, SIGINT, SIGQUIT, SIGALRM and SIGTERM.</summary>
    private static readonly int[] Signals = [1, 2, 3, 14, 15];

    private static readonly string[] Taken = ["COORDINATOR_", "ASPNETCORE_", "NO_COLOR", "COLUMNS", "LINES", "LC_"];

    /// <summary>Makes them the same. Every test project calls it from a module initializer.</summary>
    public static void Reset()
    {
        foreach (string name in Environment.GetEnvironmentVariables().Keys)
        {
            if (name.EndsWith("_proxy", StringComparison.OrdinalIgnoreCase)
                || Taken.Any(taken => name.StartsWith(taken, StringComparison.Ordinal)))
            {
                Environment.SetEnvironmentVariable(name, null);
            }
        }

        Environment.SetEnvironmentVariable("DOTNET_ENVIRONMENT", null);
        Environment.SetEnvironmentVariable("LANG", "C.UTF-8");
        Environment.SetEnvironmentVariable("TZ", "UTC");
        Environment.SetEnvironmentVariable("TERM", "dumb");
        Environment.SetEnvironmentVariable("HOME", Path.GetTempPath());
        TimeZoneInfo.ClearCachedData();
        if (OperatingSystem.IsWindows())
            return;
        _ = SetMask(Convert.ToUInt32("022", 8));
        foreach (var signal in Signals)
            Restore(signal);
    }

    /// <summary>An ignored signal gets its default back; what the runtime itself has set stays.</summary>
    private static void Restore(int signal)
    {
        var before = SetSignal(signal, Default);
        if (before != Ignored)
            _ = SetSignal(signal, before);
    }

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetSignal(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial uint SetMask(uint mask);
}
