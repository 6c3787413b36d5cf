using System.Runtime.InteropServices;
using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Kernels;

/// <summary>
/// The name of what decides the CPU kernels' bits. Devices with equal names compute the same bits; others never share a job.
/// Vector width is no part of it, except that the plain kernels round differently.
/// </summary>
public static class CpuDeviceClass
{
    /// <summary>Raised whenever kernels, initialisation or random numbers change a bit of any result.</summary>
    public const int KernelVersion = 1;

    /// <summary>The class of this machine at <paramref name="width"/>, such as <c>cpu-x64-k1</c>.</summary>
    /// <exception cref="PlatformNotSupportedException">This machine lacks the width.</exception>
    public static string Name(VectorWidth width = VectorWidth.Auto) =>
        $"cpu-{ArchitectureName}{(VectorWidths.Resolve(width) == VectorWidth.Plain ? "-plain" : "")}-k{KernelVersion}";

    /// <summary>This host's processor architecture as classes write it: <c>x64</c>, <c>arm64</c>.</summary>
    public static string ArchitectureName => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => "x64",
        Architecture.Arm64 => "arm64",
        var other => other.ToString().ToLowerInvariant(),
    };

    /// <summary>The CPU of this host as a device, as often as a worker has ranks on it.</summary>
    /// <exception cref="PlatformNotSupportedException">This machine lacks the width.</exception>
    public static IReadOnlyList<DeviceDescription> Devices(int count, VectorWidth width = VectorWidth.Auto)
    {
        DeviceDescription cpu = new()
        {
            Device = "cpu",
            Name = $"CPU {ArchitectureName}, {VectorWidths.Resolve(width).ToString().ToLowerInvariant()}",
            MemoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            DeviceClass = Name(width),
        };
        return [.. Enumerable.Repeat(cpu, count)];
    }
}
