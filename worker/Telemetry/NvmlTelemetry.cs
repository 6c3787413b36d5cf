using Coordinator.Machines;
using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Telemetry;

/// <summary>
/// Telemetry of NVIDIA GPUs by NVML. A device is found by its PCI address, since NVML and CUDA number devices differently.
/// </summary>
public sealed class NvmlTelemetry : IGpuTelemetry
{
    private readonly NvmlLibrary nvml;
    private readonly string hostBoot;
    private readonly Dictionary<string, nint?> handles = [];
    private readonly Dictionary<nint, List<int>> xids = [];

    private NvmlTelemetry(NvmlLibrary nvml) => (this.nvml, hostBoot) = (nvml, ReadHostBoot());

    /// <summary>Opens NVML; null, with the reason, where there is none: that is no error.</summary>
    public static NvmlTelemetry? TryOpen(out string why, string path = NvmlLibrary.DefaultPath) =>
        NvmlLibrary.TryLoad(path, out why) is { } library ? new NvmlTelemetry(library) : null;

    /// <summary>Version of the driver; null where it is not told.</summary>
    public string? DriverVersion => nvml.DriverVersion();

    /// <summary>
    /// Version of this host's driver; null where there is no NVML or it does not tell. Opens the library and closes it again: what a
    /// class of devices is named by is read once a process, whether or not the process measures anything.
    /// </summary>
    public static string? ReadDriverVersion(string path = NvmlLibrary.DefaultPath)
    {
        using var nvml = TryOpen(out _, path);
        return nvml?.DriverVersion;
    }

    /// <inheritdoc/>
    public GpuReading? Read(DeviceDescription device, int index)
    {
        if (device.PciBusId.Length == 0)
            return null;
        if (!handles.TryGetValue(device.PciBusId, out var found))
            handles[device.PciBusId] = found = nvml.Find(device.PciBusId);
        if (found is not { } handle)
            return null;
        while (nvml.NextXid() is (var of, var xid))
        {
            if (!xids.TryGetValue(of, out var waiting))
                xids[of] = waiting = [];
            waiting.Add(xid);
        }

        var memory = nvml.Memory(handle);
        return new GpuReading
        {
            Index = index,
            TemperatureC = nvml.Temperature(handle),
            PowerWatts = nvml.Power(handle),
            MemoryUsedBytes = memory?.Used,
            MemoryTotalBytes = memory?.Total,
            UncorrectedEcc = nvml.UncorrectedEcc(handle),
            RecoveryAction = nvml.RecoveryAction(handle),
            Xids = xids.Remove(handle, out var seen) ? seen : [],
            HostBoot = hostBoot,
        };
    }

    /// <inheritdoc/>
    public void Dispose() => nvml.Dispose();

    private static string ReadHostBoot()
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
