using Coordinator.Conformance;
using Coordinator.Machines;
using Orleans.Storage;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>
/// What outlives the silos under test: states, events and steps, with a transcript's troubles. One silo process at a time uses it.
/// Thread-safe.
/// </summary>
internal interface IConformanceDisk : IDisposable
{
    /// <summary>As <see cref="Grains.Hosting.IGrainServices.StoresInOrder"/>.</summary>
    bool StoresInOrder { get; }

    /// <summary>Grains with a stored state.</summary>
    IReadOnlyList<GrainAddress> Grains { get; }

    /// <summary>Whether a write is under way that nothing keeps from ending.</summary>
    bool IsBusy { get; }

    /// <summary>Whether a turn of the grain waits for storage, which does not answer for now.</summary>
    bool IsBlocked(GrainAddress grain);

    /// <summary>A silo process begins.</summary>
    void Start();

    /// <summary>It died: what it had not made durable by now never will be.</summary>
    void Kill();

    /// <summary>Grain storage of the silo process that is alive.</summary>
    /// <param name="dead">Ends with the process.</param>
    IGrainStorage StorageUntil(CancellationToken dead);

    /// <summary>Stores what a turn observed.</summary>
    /// <returns>False where a higher incarnation has stored something.</returns>
    Task<bool> ObserveAsync(GrainAddress grain, long incarnation, IReadOnlyList<Output> observations, CancellationToken dead);

    /// <summary>How storage answers from now on.</summary>
    void SetMode(StorageMode mode);

    /// <summary>How the next write ends.</summary>
    void FailNext(WriteFault fault);

    /// <summary>Another activation, which has stored its state and that it was activated.</summary>
    void WriteAsAnother(GrainAddress grain, PersistState state);

    /// <summary>A grain's durable state, or null.</summary>
    PersistState? Read(GrainAddress grain);

    /// <summary>Durable events, in the order in which they were stored.</summary>
    Task<IReadOnlyList<CoordinatorEvent>> ReadEventsAsync();

    /// <summary>Durable steps of a job, in the order in which they were stored.</summary>
    Task<IReadOnlyList<StepRecord>> ReadStepsAsync(JobId job);
}
