using Coordinator.Grains.Hosting;
using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>Hosts <see cref="Machines.Jobs.TrainingJobMachine"/>. Its reminder is in a file of its own.</summary>
[GrainType(GrainNames.Job)]
public sealed partial class TrainingJobGrain(IGrainServices services) : StoredMachineGrain(services, GrainKind.Job), ITrainingJobGrain
{
    /// <inheritdoc/>
    public Task Submit(string submit) => Take<SubmitJob>(submit);

    /// <inheritdoc/>
    public Task Cancel(string cancel) => Take<CancelJob>(cancel);

    /// <inheritdoc/>
    public Task OfferGpus(string offered) => Take<GpusOffered>(offered);

    /// <inheritdoc/>
    public Task ReportLink(string report) => Take<NodeLinkReported>(report);

    /// <inheritdoc/>
    public Task WithdrawGpu(string withdrawn) => Take<GpuWithdrawn>(withdrawn);

    /// <inheritdoc/>
    public Task Report(string report) => Take<WorkerReported>(report);

    /// <inheritdoc/>
    public Task SaveCheckpoint(string wanted) => Take<CheckpointWanted>(wanted);

    /// <inheritdoc/>
    public Task AcknowledgeModel(string stored) => Take<ModelStored>(stored);
}
