using Coordinator.Machines;
using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Telemetry;

/// <summary>What a vendor tells of its gpus, apart from any computing. Called from one thread at a time.</summary>
public interface IGpuTelemetry : IDisposable
{
    /// <summary>
    /// How a device is now, as gpu <paramref name="index"/> of the node; null where the vendor does not know it. XIDs are those since the
    /// device was last read, under whatever index.
    /// </summary>
    GpuReading? Read(DeviceDescription device, int index);
}
