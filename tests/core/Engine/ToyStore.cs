using Coordinator.Engine;
using Coordinator.Machines;

namespace Coordinator.Tests.Engine;

/// <summary>A store in memory that can be away, lose an acknowledgement, or hold another writer's state.</summary>
public sealed class ToyStore : IEngineStore
{
    private long lastNumber;

    public Dictionary<GrainAddress, PersistState> States { get; } = [];

    public List<string> Events { get; } = [];

    /// <summary>How each try to commit ended, in order.</summary>
    public List<string> Tries { get; } = [];

    public bool Away { get; set; }

    public bool LoseNextAcknowledgement { get; set; }

    public void Put(string key, long incarnation, int counter) =>
        States[ToyMachine.Toy(key)] = new PersistState($"{incarnation}:{counter}", incarnation, 1);

    public IReadOnlyList<GrainAddress> List() => [.. States.Keys];

    public string? Load(GrainAddress address)
    {
        if (Away)
            throw new IOException("away");
        return States.GetValueOrDefault(address)?.StateJson;
    }

    public CommitResult Commit(CommitBatch batch)
    {
        if (Away)
        {
            Tries.Add($"{batch.Number} away");
            throw new IOException("away");
        }

        if (batch.Number <= lastNumber)
        {
            Tries.Add($"{batch.Number} known");
            return CommitResult.Committed;
        }

        GrainAddress[] refused = [.. batch.States.Where(Conflicts).Select(write => write.Grain)];
        if (refused.Length > 0)
        {
            Tries.Add($"{batch.Number} refused");
            return new CommitResult(refused);
        }

        lastNumber = batch.Number;
        foreach (var write in batch.States)
            States[write.Grain] = write.State;
        Events.AddRange(batch.Events.Select(write => write.Event.Kind));
        if (LoseNextAcknowledgement)
        {
            LoseNextAcknowledgement = false;
            Tries.Add($"{batch.Number} stored, acknowledgement lost");
            throw new IOException("lost");
        }

        Tries.Add($"{batch.Number} stored");
        return CommitResult.Committed;
    }

    private bool Conflicts(StateWrite write) =>
        States.TryGetValue(write.Grain, out var known)
        && (known.Incarnation, known.Sequence).CompareTo((write.State.Incarnation, write.State.Sequence)) >= 0
        && known != write.State;
}
