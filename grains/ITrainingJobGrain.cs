using Coordinator.Machines;
using Orleans.Metadata;

namespace Coordinator.Grains;

/// <summary>A training run. Its key is the job's id. The chain of command begins here: job to node to gpu, ending in a rank plan.</summary>
[GrainInterfaceType(GrainNames.JobInterface)]
[DefaultGrainType(GrainNames.Job)]
public interface ITrainingJobGrain : IMachineGrain
{
    /// <summary>Starts the training.</summary>
    /// <param name="submit">JSON of a <see cref="SubmitJob"/>.</param>
    Task Submit(string submit);

    /// <summary>Ends the job without a model.</summary>
    /// <param name="cancel">JSON of a <see cref="CancelJob"/>.</param>
    Task Cancel(string cancel);

    /// <summary>The cluster names all gpus that are the job's.</summary>
    /// <param name="offered">JSON of a <see cref="GpusOffered"/>.</param>
    Task OfferGpus(string offered);

    /// <summary>A node says that its worker's connection was lost, or is back.</summary>
    /// <param name="report">JSON of a <see cref="NodeLinkReported"/>.</param>
    Task ReportLink(string report);

    /// <summary>A gpu is out of service, and asks to be let go of.</summary>
    /// <param name="withdrawn">JSON of a <see cref="GpuWithdrawn"/>.</param>
    Task WithdrawGpu(string withdrawn);

    /// <summary>A node passes on what one of the job's ranks reports.</summary>
    /// <param name="report">JSON of a <see cref="WorkerReported"/>.</param>
    Task Report(string report);

    /// <summary>Somebody wants a checkpoint now.</summary>
    /// <param name="wanted">JSON of a <see cref="CheckpointWanted"/>.</param>
    Task SaveCheckpoint(string wanted);

    /// <summary>The final model is durable in the model store.</summary>
    /// <param name="stored">JSON of a <see cref="ModelStored"/>.</param>
    Task AcknowledgeModel(string stored);
}
