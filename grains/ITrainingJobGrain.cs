using Coordinator.Machines;
using Orleans.Concurrency;
using Orleans.Metadata;

namespace Coordinator.Grains;

/// <summary>A training run. Its key is the job's id. The chain of command begins here: job to node to gpu, ending in a rank plan.</summary>
[GrainInterfaceType(GrainNames.JobInterface)]
[Alias(GrainNames.JobInterface)]
[DefaultGrainType(GrainNames.Job)]
public interface ITrainingJobGrain : IMachineGrain
{
    /// <summary>Starts the training.</summary>
    [Alias("Submit")]
    Task Submit(SubmitJob submit);

    /// <summary>Ends the job without a model.</summary>
    [Alias("Cancel")]
    Task Cancel(CancelJob cancel);

    /// <summary>The cluster names all gpus that are the job's.</summary>
    [Alias("OfferGpus")]
    Task OfferGpus(GpusOffered offered);

    /// <summary>A node says that its worker's connection was lost, or is back.</summary>
    [Alias("ReportLink")]
    Task ReportLink(NodeLinkReported report);

    /// <summary>A gpu is out of service, and asks to be let go of.</summary>
    [Alias("WithdrawGpu")]
    Task WithdrawGpu(GpuWithdrawn withdrawn);

    /// <summary>A node passes on what one of the job's ranks reports.</summary>
    [Alias("Report")]
    Task Report(WorkerReported report);

    /// <summary>Somebody wants a checkpoint now.</summary>
    [Alias("SaveCheckpoint")]
    Task SaveCheckpoint(CheckpointWanted wanted);

    /// <summary>Gives the job more steps or ranks.</summary>
    [Alias("Extend")]
    Task Extend(ExtendJob wanted);

    /// <summary>The final model is durable in the model store.</summary>
    [Alias("AcknowledgeModel")]
    Task AcknowledgeModel(ModelStored stored);

    /// <summary>
    /// The text of a membership or an assignment that the job's orders name, for a silo that lacks it; null where the job has no use for it
    /// any more. Waits for no turn to end: the nodes that are to have it answer that turn.
    /// </summary>
    /// <param name="digest">The last part of its name (<see cref="Hosting.PartName"/>).</param>
    [AlwaysInterleave]
    [Alias("FindPart")]
    Task<byte[]?> FindPart(string digest);
}
