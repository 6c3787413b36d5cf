using Coordinator.Engine;
using Coordinator.Machines;
using Coordinator.Server.Storage;

namespace Coordinator.Cli.Silo;

/// <summary>The SQLite store as the engine sees it.</summary>
public sealed class SqliteEngineStore(SqliteStore store) : IEngineStore
{
    /// <inheritdoc/>
    public IReadOnlyList<GrainAddress> List() => store.ListStates();

    /// <inheritdoc/>
    public string? Load(GrainAddress address) => store.LoadState(address);

    /// <inheritdoc/>
    public CommitResult Commit(CommitBatch batch) => new(store.Commit(new StoreBatch(
        batch.Number,
        [.. batch.States.Select(write => new GrainState(write.Grain, write.State))],
        [.. batch.Events.Select(write => new NewEvent(write.Time, write.Event))],
        batch.Steps)));
}
