using System.ComponentModel;
using System.Diagnostics;

namespace Coordinator.Tests.Processes.Worker.Telemetry;

/// <summary>A test that compiles C; without gcc it is skipped, and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class GccFactAttribute : FactAttribute
{
    public GccFactAttribute()
    {
        try
        {
            using var gcc = Process.Start(new ProcessStartInfo("gcc", ["--version"]) { RedirectStandardOutput = true })!;
            gcc.StandardOutput.ReadToEnd();
            gcc.WaitForExit();
        }
        catch (Win32Exception)
        {
            Skip = "gcc is not installed here (Debian: apt-get install gcc)";
        }
    }
}
