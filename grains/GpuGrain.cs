using Coordinator.Grains.Hosting;
using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>Hosts <see cref="Machines.Gpus.GpuMachine"/>.</summary>
public sealed class GpuGrain(IGrainServices services) : MachineGrain(services), IGpuGrain
{
    /// <inheritdoc/>
    protected override GrainKind Kind => GrainKind.Gpu;
}
