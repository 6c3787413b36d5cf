using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Orleans.Metadata;

namespace Coordinator.Grains;

/// <summary>A training run. Its key is the job's id. The chain of command begins here: job to node to gpu, ending in a rank plan.</summary>
[GrainInterfaceType(GrainNames.JobInterface)]
[DefaultGrainType(GrainNames.Job)]
public interface ITrainingJobGrain : IMachineGrain
{
    /// <summary>Starts the training.</summary>
    /// <param name="submit">A <see cref="SubmitJob"/>.</param>
    Task Submit(Mail submit);

    /// <summary>Ends the job without a model.</summary>
    /// <param name="cancel">A <see cref="CancelJob"/>.</param>
    Task Cancel(Mail cancel);

    /// <summary>The cluster names all gpus that are the job's.</summary>
    /// <param name="offered">A <see cref="GpusOffered"/>.</param>
    Task OfferGpus(Mail offered);

    /// <summary>A node says that its worker's connection was lost, or is back.</summary>
    /// <param name="report">A <see cref="NodeLinkReported"/>.</param>
    Task ReportLink(Mail report);

    /// <summary>A gpu is out of service, and asks to be let go of.</summary>
    /// <param name="withdrawn">A <see cref="GpuWithdrawn"/>.</param>
    Task WithdrawGpu(Mail withdrawn);

    /// <summary>A node passes on what one of the job's ranks reports.</summary>
    /// <param name="report">A <see cref="WorkerReported"/>.</param>
    Task Report(Mail report);

    /// <summary>Somebody wants a checkpoint now.</summary>
    /// <param name="wanted">A <see cref="CheckpointWanted"/>.</param>
    Task SaveCheckpoint(Mail wanted);

    /// <summary>Gives the job more steps or ranks.</summary>
    /// <param name="wanted">An <see cref="ExtendJob"/>.</param>
    Task Extend(Mail wanted);

    /// <summary>The final model is durable in the model store.</summary>
    /// <param name="stored">A <see cref="ModelStored"/>.</param>
    Task AcknowledgeModel(Mail stored);
}
