using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Orleans.Placement;

namespace Coordinator.Grains;

/// <summary>
/// Hosts <see cref="Machines.Gpus.GpuMachine"/>, on the silo of its node, which calls it first: when there is something to say to it, and
/// not when the node connects. It is not collected when it is idle: a gpu that is
/// well has no deadline, and with its activation its plan would go, and the newest order that it has passed on, by which it knows older
/// ones.
/// </summary>
[KeepAlive]
[GrainType(GrainNames.Gpu)]
[PreferLocalPlacement]
public sealed class GpuGrain([PersistentState(GrainNames.Gpu)] IPersistentState<StoredMachine> state, IGrainServices services)
    : MachineGrain(GrainKind.Gpu, services, state), IGpuGrain
{
    /// <inheritdoc/>
    public Task Attach(GpuAttached attached) => Turn(attached);

    /// <inheritdoc/>
    public Task Order(GpuOrdered ordered) => Turn(ordered);

    /// <inheritdoc/>
    public Task ReportFault(GpuFaultReported fault) => Turn(fault);

    /// <inheritdoc/>
    public Task Mark(GpuMarked marked) => Turn(marked);

    /// <inheritdoc/>
    public Task Measure(GpuMeasured measured) => Turn(measured);

    /// <inheritdoc/>
    public Task AcknowledgeCondition(GpuConditionTaken taken) => Turn(taken);
}
