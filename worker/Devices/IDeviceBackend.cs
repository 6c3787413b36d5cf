using Coordinator.Machines.Jobs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Programs;

namespace Coordinator.Worker.Devices;

/// <summary>One accelerator of this host, as a backend finds it.</summary>
public sealed record DeviceDescription
{
    /// <summary>
    /// What to write after <c>--device</c>, and what plans name: <c>cpu</c>, <c>ilgpu:cuda:0</c>, <c>ilgpu:opencl:1</c>, <c>ilgpu:cpu</c>.
    /// </summary>
    public required string Device { get; init; }

    /// <summary>The name that its driver gives it.</summary>
    public required string Name { get; init; }

    /// <summary>Memory of the device, bytes; of a device in host memory, what it may address.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>
    /// What decides its bits: devices with equal classes compute the same, others never share a job. Architecture and kernel version;
    /// for GPUs SM, driver and ILGPU version too.
    /// </summary>
    public required string DeviceClass { get; init; }

    /// <summary>
    /// PCI address such as <c>00000000:3B:00.0</c>, where there is one: what finds the same device in the vendor's telemetry.
    /// </summary>
    public string PciBusId { get; init; } = "";
}

/// <summary>
/// A way to compute on accelerators, in an assembly of its own: the worker knows no such library. ILGPU's is built in. An assembly of
/// others names its class by <see cref="DeviceBackendAttribute"/> and is loaded at run time; the class is made once a process, by a
/// constructor without parameters.
/// </summary>
public interface IDeviceBackend : IDisposable
{
    /// <summary>
    /// First part of its devices' names, before a colon: <c>ilgpu</c>. Neither that nor <c>cpu</c> for libraries of others.
    /// </summary>
    string Name { get; }

    /// <summary>All devices of this host, real ones and those that only simulate one, the same order at every call.</summary>
    IReadOnlyList<DeviceDescription> List();

    /// <summary>
    /// A device for one rank of a job, which its owner disposes of. Each has a context of its own: what breaks one leaves another on the
    /// same accelerator alone. Thread-safe.
    /// </summary>
    /// <param name="spec">The job; its program, shape and seed.</param>
    /// <param name="samples">Source of samples of the model's block, not disposed of; null where the program makes its own data.</param>
    /// <param name="device">One of <see cref="List"/>.</param>
    /// <exception cref="InvalidJobException">The backend cannot compute the job's program.</exception>
    IRankDevice Create(JobSpec spec, ISampleSource? samples, DeviceDescription device);

    /// <summary>As above, also for a program of a team's own, where this backend computes such: it must be handed over, since the spec does
    /// not say what it is.</summary>
    /// <param name="spec">The job.</param>
    /// <param name="program">Its program.</param>
    /// <param name="samples">Source of what the program wants.</param>
    /// <param name="device">One of <see cref="List"/>.</param>
    /// <exception cref="InvalidJobException">The backend cannot compute the job's program.</exception>
    IRankDevice Create(JobSpec spec, ITrainingProgram program, ISampleSource? samples, DeviceDescription device) => spec.Program is null
        ? Create(spec, samples, device)
        : throw new InvalidJobException($"The device {device.Device} computes no programs of a team's own. Choose the cpu device.");
}

/// <summary>Names the class of an assembly that is its <see cref="IDeviceBackend"/>.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class DeviceBackendAttribute(Type backend) : Attribute
{
    /// <summary>The class, with a public constructor without parameters.</summary>
    public Type Backend { get; } = backend;
}
