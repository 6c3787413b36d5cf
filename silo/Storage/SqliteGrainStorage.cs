using System.Collections.Concurrent;
using Coordinator.Grains;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Server.Storage;
using Orleans.Storage;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Silo.Storage;

/// <summary>
/// Grain states of a silo that is alone, in the file of its events and steps: a state and what its turn observed go into one commit,
/// together with those of the other grains that wait. Orleans' provider for ADO.NET would commit each row by itself, into a file of its
/// own. Which grains have a state is known without asking, since nobody else writes: a hundred thousand healthy gpus are activated without
/// a read.
/// </summary>
public sealed class SqliteGrainStorage : IGrainStorage
{
    private readonly SqliteStore store;
    private readonly SqliteCommits commits;
    private readonly ConcurrentDictionary<GrainAddress, bool> stored = new();

    /// <summary>States in a store, which this silo alone has open.</summary>
    public SqliteGrainStorage(SqliteStore store, SqliteCommits commits)
    {
        (this.store, this.commits) = (store, commits);
        foreach (var grain in store.ListStates())
            stored[grain] = true;
    }

    /// <inheritdoc/>
    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var (address, state) = (AddressOf(grainId), (IGrainState<StoredMachine>)grainState);
        var found = stored.ContainsKey(address) ? await Task.Run(() => store.ReadState(address)) : null;
        state.State = found is null
            ? new StoredMachine()
            : new StoredMachine { Json = found.StateJson, Incarnation = found.Incarnation, Sequence = found.Sequence };
        state.RecordExists = found is not null;
        state.ETag = TagOf(state.State!);
    }

    /// <summary>Ends when the state is durable, however long storage is away.</summary>
    /// <exception cref="InconsistentStateException">Another writer's stands there.</exception>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        // Handed over before anything is awaited: what the turn observed was handed over before, and so is durable before.
        var (address, state) = (AddressOf(grainId), (IGrainState<StoredMachine>)grainState);
        stored[address] = true;
        return End(
            address,
            state,
            commits.WriteAsync(address, new PersistState(state.State!.Json!, state.State.Incarnation, state.State.Sequence)));
    }

    /// <summary>States are never taken away: a grain of that name would begin again with an incarnation that orders have carried.</summary>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        throw new NotSupportedException("a grain's state is never cleared");

    private static async Task End(GrainAddress address, IGrainState<StoredMachine> state, Task<bool> write)
    {
        if (!await write)
            throw new InconsistentStateException($"{address} was written by another", null!, state.ETag);
        state.RecordExists = true;
        state.ETag = TagOf(state.State!);
    }

    private static string TagOf(StoredMachine state) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{state.Incarnation}.{state.Sequence}");

    private static GrainAddress AddressOf(GrainId grain) => new(GrainNames.KindOf(grain.Type.ToString()!), grain.Key.ToString()!);
}
