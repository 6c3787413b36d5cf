using System.Globalization;
using System.Runtime.InteropServices;

namespace Coordinator.Bench;

/// <summary>What else a figure depends on.</summary>
/// <param name="Cores">Processors that the runtime may use.</param>
/// <param name="Cpu">The processor's name, where the system tells it.</param>
/// <param name="Load">Load average of the last minute, where the system tells it.</param>
internal sealed record MachineLoad(int Cores, string Cpu, double? Load)
{
    public static MachineLoad Now() => new(Environment.ProcessorCount, CpuName(), LoadAverage());

    /// <summary>The line of a report on what it was measured, between this look and a later one.</summary>
    public string Until(MachineLoad after) => string.Create(
        CultureInfo.InvariantCulture, $"{Cores} cores, {Cpu}, load average {Load:0.0} at the start, {after.Load:0.0} at the end");

    private static string CpuName()
    {
        const string List = "/proc/cpuinfo";
        string? line = File.Exists(List) ? File.ReadLines(List).FirstOrDefault(
            line => line.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line is null ? RuntimeInformation.OSArchitecture.ToString() : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..]
            .Trim();
    }

    private static double? LoadAverage() =>
        File.Exists("/proc/loadavg") ? double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture) : null;
}
