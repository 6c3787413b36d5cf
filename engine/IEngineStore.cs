using Coordinator.Machines;

namespace Coordinator.Engine;

/// <summary>
/// Where the engine keeps states, events and steps. An exception from any member means that storage is away: the engine
/// keeps what it has and tries again later. <see cref="Load"/> and <see cref="Commit"/> may run at the same time on two threads.
/// </summary>
public interface IEngineStore
{
    /// <summary>All grains with a stored state. Asked once, before the first turn.</summary>
    IReadOnlyList<GrainAddress> List();

    /// <summary>The grain's state as last committed, or null.</summary>
    string? Load(GrainAddress address);

    /// <summary>
    /// Makes the whole batch durable in one transaction, or nothing of it. A batch whose <see cref="CommitBatch.Number"/> is
    /// already stored was committed before and only its acknowledgement was lost: it is acknowledged again, not stored again.
    /// </summary>
    CommitResult Commit(CommitBatch batch);
}
