using Coordinator.Machines;
using Orleans.Metadata;

namespace Coordinator.Grains;

/// <summary>
/// An accelerator: health and rank plan. Its key is the gpu's id, <c>node/index</c>. The end of the chain of command: what passes here, and
/// nothing else, reaches the device.
/// </summary>
[GrainInterfaceType(GrainNames.GpuInterface)]
[Alias(GrainNames.GpuInterface)]
[DefaultGrainType(GrainNames.Gpu)]
public interface IGpuGrain : IMachineGrain
{
    /// <summary>In which process of the node the gpu is, before anything else is said to it.</summary>
    [Alias("Attach")]
    Task Attach(GpuAttached attached);

    /// <summary>A job's order: prepare, the rank plan, or release. One older than what was passed on goes no further.</summary>
    [Alias("Order")]
    Task Order(GpuOrdered ordered);

    /// <summary>A program or the device failed.</summary>
    [Alias("ReportFault")]
    Task ReportFault(GpuFaultReported fault);

    /// <summary>Operators say whether it may be given work.</summary>
    [Alias("Mark")]
    Task Mark(GpuMarked marked);

    /// <summary>The node's worker has read the device's telemetry.</summary>
    [Alias("Measure")]
    Task Measure(GpuMeasured measured);

    /// <summary>The cluster has made durable what the gpu reported of its condition.</summary>
    [Alias("AcknowledgeCondition")]
    Task AcknowledgeCondition(GpuConditionTaken taken);
}
