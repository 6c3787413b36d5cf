using ILGPU;

namespace Coordinator.Worker.Ilgpu;

/// <summary>A device that ILGPU finds on this host.</summary>
/// <param name="Kind"><c>cuda</c>, <c>opencl</c> or <c>cpu</c>.</param>
/// <param name="Name">The name that its driver gives it.</param>
/// <param name="MemoryBytes">Memory on the device, in bytes; for <c>cpu</c> what ILGPU may address.</param>
public sealed record IlgpuDevice(string Kind, string Name, long MemoryBytes);

/// <summary>Finds this host's devices through ILGPU.</summary>
public static class IlgpuDevices
{
    /// <summary>
    /// All devices, in the order in which ILGPU reports them. Its simulated CPU device is always among them, so that
    /// kernels can be checked on a host without an accelerator.
    /// </summary>
    public static IReadOnlyList<IlgpuDevice> List()
    {
        using var context = Context.Create(builder => builder.Default());
        var devices = new List<IlgpuDevice>();
        foreach (var device in context.Devices)
        {
            devices.Add(new IlgpuDevice(device.AcceleratorType.ToString().ToLowerInvariant(), device.Name, device.MemorySize));
        }

        return devices;
    }
}
