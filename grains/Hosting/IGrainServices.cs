using Coordinator.Machines;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Grains.Hosting;

/// <summary>What grains need of the silo that hosts them. Thread-safe.</summary>
public interface IGrainServices
{
    /// <summary>Name of the silo, for events.</summary>
    string Silo { get; }

    /// <summary>What operators decide for the machines; the same on every silo.</summary>
    MachineSettings Machines => MachineSettings.Default;

    /// <summary>Monotonic time of this process.</summary>
    TimeSpan Now { get; }

    /// <summary>Time of day, for deadlines that people set and that outlive a process; null: nobody knows.</summary>
    DateTimeOffset? TimeOfDay => null;

    /// <summary>Ends when the silo stops: what waits for storage then gives up, and the grain is loaded elsewhere.</summary>
    CancellationToken Stopping { get; }

    /// <summary>
    /// Whether what was handed over to storage first is durable first: then a turn need not wait between what it observed and its state.
    /// </summary>
    bool StoresInOrder => false;

    /// <summary>Stores a turn's events and steps; done when they are durable, however long storage is away.</summary>
    /// <returns>False when a higher incarnation of the grain has stored something: this activation is not the grain any more.</returns>
    Task<bool> Store(GrainAddress grain, long incarnation, IReadOnlyList<Output> observations);

    /// <summary>Sends to a node's worker over whatever silo holds its connection; dropped where none does.</summary>
    void Send(NodeId node, CoordinatorMessage message);

    /// <summary>
    /// The last heartbeat that this silo's gateway had of a node's worker, whether it was passed on or not; null: it is not connected here.
    /// </summary>
    WorkerSaid? LastHeard(NodeId node) => null;

    /// <summary>Sends to another grain, through the outbox.</summary>
    void Send(GrainAddress to, GrainMessage message);

    /// <summary>Storage did not take a grain's state; it is tried again after a while.</summary>
    void OnStorageAway(GrainAddress grain, Exception why);

    /// <summary>An activation gave up: it lost its place to another one, or its machine broke an invariant.</summary>
    void OnGivenUp(GrainAddress grain, Exception why);
}
