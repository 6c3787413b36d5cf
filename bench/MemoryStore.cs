using System.Collections.Concurrent;
using Coordinator.Engine;
using Coordinator.Machines;

namespace Coordinator.Bench;

/// <summary>Keeps states in memory and forgets events and steps: an engine without the cost of a disk.</summary>
internal sealed class MemoryStore : IEngineStore
{
    private readonly ConcurrentDictionary<GrainAddress, string> states = new();

    public IReadOnlyList<GrainAddress> List() => [.. states.Keys];

    public string? Load(GrainAddress address) => states.GetValueOrDefault(address);

    public CommitResult Commit(CommitBatch batch)
    {
        foreach (StateWrite write in batch.States) states[write.Grain] = write.State.StateJson;
        return CommitResult.Committed;
    }
}
