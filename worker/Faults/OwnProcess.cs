using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Coordinator.Worker.Faults;

/// <summary>Does to the own process what the world does to processes.</summary>
internal static partial class OwnProcess
{
    private const int Kill = 9;

    public static void Strike(FaultRule rule)
    {
        // Said first and at once, so that whoever planned the fault can tell it from another's kill.
        Say(rule.Announcement);
        switch (rule.Action)
        {
            case FaultAction.Kill:
                if (OperatingSystem.IsWindows())
                    Process.GetCurrentProcess().Kill();
                else
                    _ = SendSignal(Environment.ProcessId, Kill);
                Thread.Sleep(Timeout.Infinite);
                break;
            case FaultAction.Freeze:
                // A stopped process cannot wake itself: a shell stops it, waits and lets it go on.
                var seconds = rule.Duration.TotalSeconds.ToString("0.###");
                var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false };
                start.ArgumentList.Add("-c");
                start.ArgumentList.Add($"kill -STOP {Environment.ProcessId}; sleep {seconds}; kill -CONT {Environment.ProcessId}");
                Process.Start(start)?.WaitForExit();
                break;
        }
    }

    /// <summary>Past every buffer of the process, which may be gone in a moment.</summary>
    private static void Say(string line)
    {
        try
        {
            using var error = Console.OpenStandardError();
            error.Write(System.Text.Encoding.UTF8.GetBytes(line + Environment.NewLine));
        }
        catch (IOException)
        {
            // Whoever cannot be told does not keep the fault from happening.
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int process, int signal);
}
