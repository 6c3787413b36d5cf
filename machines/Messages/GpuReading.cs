namespace Coordinator.Machines;

/// <summary>What the vendor's telemetry says of one gpu. What the driver does not tell is null, which is no sign of health.</summary>
public sealed record GpuReading
{
    /// <summary>Index within the node.</summary>
    public required int Index { get; init; }

    /// <summary>Temperature of the chip, degrees Celsius.</summary>
    public double? TemperatureC { get; init; }

    /// <summary>Power drawn by the board, watts.</summary>
    public double? PowerWatts { get; init; }

    /// <summary>Memory in use, bytes.</summary>
    public long? MemoryUsedBytes { get; init; }

    /// <summary>Memory there is, bytes.</summary>
    public long? MemoryTotalBytes { get; init; }

    /// <summary>Memory errors since the driver was loaded that could not be corrected.</summary>
    public long? UncorrectedEcc { get; init; }

    /// <summary>What the driver asks for, as NVML numbers it: 0 none, 1 reset, 2 reboot, 3 drain peer-to-peer, 4 drain and reset.</summary>
    public int? RecoveryAction { get; init; }

    /// <summary>XID errors since the reading before, oldest first.</summary>
    public IReadOnlyList<int> Xids { get; init; } = [];

    /// <summary>Names the boot of the host: another text after every reboot; empty: not known.</summary>
    public string HostBoot { get; init; } = "";
}
