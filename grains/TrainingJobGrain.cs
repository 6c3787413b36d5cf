using Coordinator.Grains.Hosting;
using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>Hosts <see cref="Machines.Jobs.TrainingJobMachine"/>.</summary>
public sealed class TrainingJobGrain(IGrainServices services) : MachineGrain(services), ITrainingJobGrain
{
    /// <inheritdoc/>
    protected override GrainKind Kind => GrainKind.Job;
}
