using Coordinator.Grains.Hosting;
using Coordinator.Machines;

namespace Coordinator.Grains;

/// <summary>Hosts <see cref="Machines.Jobs.TrainingJobMachine"/>.</summary>
[GrainType(GrainNames.Job)]
public sealed class TrainingJobGrain(
    [PersistentState(GrainNames.Job)] IPersistentState<StoredMachine> state, IGrainServices services, SharedParts parts)
    : RemindedGrain(GrainKind.Job, services, state), ITrainingJobGrain
{
    /// <inheritdoc/>
    public Task Submit(SubmitJob submit) => Turn(submit);

    /// <inheritdoc/>
    public Task Cancel(CancelJob cancel) => Turn(cancel);

    /// <inheritdoc/>
    public Task OfferGpus(GpusOffered offered) => Turn(offered);

    /// <inheritdoc/>
    public Task ReportLink(NodeLinkReported report) => Turn(report);

    /// <inheritdoc/>
    public Task WithdrawGpu(GpuWithdrawn withdrawn) => Turn(withdrawn);

    /// <inheritdoc/>
    public Task Report(WorkerReported report) => Turn(report);

    /// <inheritdoc/>
    public Task SaveCheckpoint(CheckpointWanted wanted) => Turn(wanted);

    /// <inheritdoc/>
    public Task Extend(ExtendJob wanted) => Turn(wanted);

    /// <inheritdoc/>
    public Task AcknowledgeModel(ModelStored stored) => Turn(stored);

    /// <inheritdoc/>
    public Task<byte[]?> FindPart(string digest) => Task.FromResult(parts.TextOf(digest));
}
