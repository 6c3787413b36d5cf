using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Orleans.Metadata;

namespace Coordinator.Grains;

/// <summary>An accelerator: health and rank plan. Its key is the gpu's id, <c>node/index</c>. The end of the chain of command: what passes here, and nothing else, reaches the device.</summary>
[GrainInterfaceType(GrainNames.GpuInterface)]
[DefaultGrainType(GrainNames.Gpu)]
public interface IGpuGrain : IMachineGrain
{
    /// <summary>The node's worker has found the gpu.</summary>
    /// <param name="attached">A <see cref="GpuAttached"/>.</param>
    Task Attach(Mail attached);

    /// <summary>A job's order: prepare, the rank plan, or release. One older than what was passed on goes no further.</summary>
    /// <param name="ordered">A <see cref="GpuOrdered"/>.</param>
    Task Order(Mail ordered);

    /// <summary>A program or the device failed.</summary>
    /// <param name="fault">A <see cref="GpuFaultReported"/>.</param>
    Task ReportFault(Mail fault);

    /// <summary>The node's worker has read the device's telemetry.</summary>
    /// <param name="measured">A <see cref="GpuMeasured"/>.</param>
    Task Measure(Mail measured);
}
