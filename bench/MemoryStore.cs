using System.Collections.Concurrent;
using Coordinator.Engine;
using Coordinator.Machines;

namespace Coordinator.Bench;

/// <summary>Keeps states in memory and forgets events and steps: an engine without the cost of a disk.</summary>
internal sealed class MemoryStore : IEngineStore
{
    private readonly ConcurrentDictionary<GrainAddress, string> _states = new();

    public IReadOnlyList<GrainAddress> List() => [.. _states.Keys];

    public string? Load(GrainAddress address) => _states.GetValueOrDefault(address);

    public CommitResult Commit(CommitBatch batch)
    {
        foreach (StateWrite write in batch.States) _states[write.Grain] = write.State.StateJson;
        return CommitResult.Committed;
    }
}
