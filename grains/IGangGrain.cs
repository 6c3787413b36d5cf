using Coordinator.Machines;
using Orleans.Metadata;

namespace Coordinator.Grains;

/// <summary>
/// A run of a foreign program on many nodes. Its key is the job's id. It orders the agents of its nodes, and they report to it.
/// </summary>
[GrainInterfaceType(GrainNames.GangInterface)]
[Alias(GrainNames.GangInterface)]
[DefaultGrainType(GrainNames.Gang)]
public interface IGangGrain : IMachineGrain
{
    /// <summary>Starts the run.</summary>
    [Alias("Submit")]
    Task Submit(SubmitGang submit);

    /// <summary>Ends the run in order.</summary>
    [Alias("Cancel")]
    Task Cancel(CancelGang cancel);

    /// <summary>The cluster names all gpus that are the run's.</summary>
    [Alias("OfferGpus")]
    Task OfferGpus(GangOffered offered);

    /// <summary>A node passes on what its agent says.</summary>
    [Alias("Report")]
    Task Report(GangReported reported);
}
