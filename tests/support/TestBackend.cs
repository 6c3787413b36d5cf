using Coordinator.Machines.Jobs;
using Coordinator.Tests.Support;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Programs;

[assembly: DeviceBackend(typeof(TestBackend))]

namespace Coordinator.Tests.Support;

/// <summary>A library of devices for the loader to find in this assembly.</summary>
public sealed class TestBackend(string name, string device) : IDeviceBackend
{
    public TestBackend()
        : this("test", "test:0")
    {
    }

    public string Name => name;

    public IReadOnlyList<DeviceDescription> List() => [Device(device, "toy")];

    public IRankDevice Create(JobSpec spec, ISampleSource? samples, DeviceDescription device) =>
        throw new InvalidJobException("a toy computes nothing");

    public void Dispose()
    {
    }

    public static DeviceDescription Device(string device, string deviceClass) =>
        new() { Device = device, Name = device, MemoryBytes = 1, DeviceClass = deviceClass };
}
