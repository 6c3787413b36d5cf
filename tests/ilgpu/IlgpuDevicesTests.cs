using Coordinator.Worker.Ilgpu;

namespace Coordinator.Tests.Ilgpu;

public sealed class IlgpuDevicesTests
{
    [Fact]
    public void Every_host_has_the_simulated_cpu_device()
    {
        var devices = IlgpuDevices.List();

        Assert.Contains(devices, device => device.Kind == "cpu");
    }
}
