using Coordinator.Grains.Hosting;
using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>Hosts <see cref="Machines.Jobs.TrainingJobMachine"/>. Its reminder is in a file of its own.</summary>
[GrainType(GrainNames.Job)]
public sealed partial class TrainingJobGrain(IGrainServices services) : StoredMachineGrain(services, GrainKind.Job), ITrainingJobGrain
{
    /// <inheritdoc/>
    public Task Submit(Mail submit) => Take<SubmitJob>(submit);

    /// <inheritdoc/>
    public Task Cancel(Mail cancel) => Take<CancelJob>(cancel);

    /// <inheritdoc/>
    public Task OfferGpus(Mail offered) => Take<GpusOffered>(offered);

    /// <inheritdoc/>
    public Task ReportLink(Mail report) => Take<NodeLinkReported>(report);

    /// <inheritdoc/>
    public Task WithdrawGpu(Mail withdrawn) => Take<GpuWithdrawn>(withdrawn);

    /// <inheritdoc/>
    public Task Report(Mail report) => Take<WorkerReported>(report);

    /// <inheritdoc/>
    public Task SaveCheckpoint(Mail wanted) => Take<CheckpointWanted>(wanted);

    /// <inheritdoc/>
    public Task AcknowledgeModel(Mail stored) => Take<ModelStored>(stored);
}
