using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Orleans.Placement;

namespace Coordinator.Grains;

/// <summary>
/// Hosts <see cref="Machines.Gpus.GpuMachine"/>, on the silo of its node, which calls it first. It is not collected when it is idle: a gpu that is
/// well has no deadline, and with its activation its plan would go, and the newest order that it has passed on, by which it knows older ones.
/// </summary>
[KeepAlive]
[GrainType(GrainNames.Gpu)]
[PreferLocalPlacement]
public sealed class GpuGrain(IGrainServices services) : StoredMachineGrain(services, GrainKind.Gpu), IGpuGrain
{
    /// <inheritdoc/>
    public Task Attach(Mail attached) => Take<GpuAttached>(attached);

    /// <inheritdoc/>
    public Task Order(Mail ordered) => Take<GpuOrdered>(ordered);

    /// <inheritdoc/>
    public Task ReportFault(Mail fault) => Take<GpuFaultReported>(fault);

    /// <inheritdoc/>
    public Task Measure(Mail measured) => Take<GpuMeasured>(measured);
}
