using System.Collections.Concurrent;
using Coordinator.Conformance;
using Coordinator.Machines;
using Coordinator.Server.Storage;
using Coordinator.Silo.Storage;
using Microsoft.Data.Sqlite;
using Orleans.Storage;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>
/// The shipping storage of a silo that is alone: a file, <see cref="SqliteStore"/>, <see cref="SqliteCommits"/> and
/// <see cref="SqliteGrainStorage"/>. A transcript's troubles are below the thread that commits. Thread-safe.
/// </summary>
internal sealed class SqliteDisk(OrleansWorld world, SqliteFences down) : IConformanceDisk
{
    private readonly string folder = Directory.CreateTempSubdirectory("coordinator-conformance-").FullName;
    private ConcurrentDictionary<GrainAddress, int> pending = new();
    private TaskCompletionSource? heldBack;
    private StorageMode mode;
    private int statesUnderWay;
    private SqliteStore store = null!;
    private SqliteCommits commits = null!;
    private TroubledStore troubles = null!;
    private SqliteGrainStorage states = null!;

    public bool StoresInOrder => true;

    public IReadOnlyList<GrainAddress> Grains => store.ListStates();

    /// <summary>Where only observations are held back, states are not, and what was handed over is on its way to the file.</summary>
    public bool IsBusy => heldBack is not null
        ? Volatile.Read(ref statesUnderWay) > 0
        : !troubles.Waits && pending.Values.Any(writes => writes > 0);

    private string Database => Path.Combine(folder, "coordinator.db");

    /// <summary>Writes a row past everything that would compare it.</summary>
    public static void Overwrite(string database, GrainAddress grain, PersistState state)
    {
        using var connection = new SqliteConnection($"Data Source={database};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText =
            """
            UPDATE grain_state SET incarnation = $incarnation, sequence = $sequence, state = $state WHERE kind = $kind AND key = $key;
            INSERT INTO observer (kind, key, incarnation) VALUES ($kind, $key, $incarnation) ON CONFLICT (kind, key) DO UPDATE SET incarnation = excluded.incarnation;
            """;
        command.Parameters.AddWithValue("$incarnation", state.Incarnation);
        command.Parameters.AddWithValue("$sequence", state.Sequence);
        command.Parameters.AddWithValue("$state", state.StateJson);
        command.Parameters.AddWithValue("$kind", grain.Kind.ToString());
        command.Parameters.AddWithValue("$key", grain.Key);
        command.ExecuteNonQuery();
    }

    public bool IsBlocked(GrainAddress grain) => (troubles.Waits || heldBack is not null) && pending.GetValueOrDefault(grain) > 0;

    public void Start()
    {
        pending = new ConcurrentDictionary<GrainAddress, int>();
        store = SqliteStore.Open(new SqliteStoreOptions { Path = Database, Silo = "silo", TimeProvider = world.Time });
        troubles = new TroubledStore(store, world.Time, world.Active);
        SetMode(mode);
        commits = new SqliteCommits(new BrokenCommits(troubles, down, Database), troubles.Time);
        states = new SqliteGrainStorage(store, commits);
    }

    public void Kill()
    {
        troubles.Die();
        heldBack?.TrySetCanceled();
        heldBack = null;
        commits.Dispose();
        store.Dispose();
    }

    public IGrainStorage StorageUntil(CancellationToken dead) => new Storage(this);

    public Task<bool> ObserveAsync(GrainAddress grain, long incarnation, IReadOnlyList<Output> observations, CancellationToken dead) =>
        Track(grain, () => heldBack is { } late
            ? ObserveLateAsync(late.Task, grain, incarnation, observations)
            : commits.StoreAsync(grain, incarnation, observations));

    public void SetMode(StorageMode mode)
    {
        this.mode = mode;
        if (down != SqliteFences.StoresStatesFirst)
        {
            troubles.Mode = mode;
            return;
        }

        var late = heldBack;
        heldBack = mode == StorageMode.Well ? null : late ?? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (heldBack is null)
            late?.TrySetResult();
        world.Active();
    }

    public void FailNext(WriteFault fault) => troubles.FailNext(fault);

    public void WriteAsAnother(GrainAddress grain, PersistState state) => Overwrite(Database, grain, state);

    public PersistState? Read(GrainAddress grain) => store.ReadState(grain);

    public async Task<IReadOnlyList<CoordinatorEvent>> ReadEventsAsync() =>
        [.. (await store.ReadEventsAsync(new EventFilter { Limit = int.MaxValue })).Select(stored => stored.Event)];

    public async Task<IReadOnlyList<StepRecord>> ReadStepsAsync(JobId job) =>
        [.. (await store.ReadStepsAsync(job, 0, int.MaxValue)).Select(stored => stored.Step)];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private async Task<T> Track<T>(GrainAddress grain, Func<Task<T>> write)
    {
        // Of the process that is alive: one that died may still end what it waited for.
        var mine = pending;
        mine.AddOrUpdate(grain, 1, (_, writes) => writes + 1);
        world.Active();
        try
        {
            return await write();
        }
        finally
        {
            mine.AddOrUpdate(grain, 0, (_, writes) => writes - 1);
            world.Active();
        }
    }

    /// <summary>
    /// The fence that is down for it: what was observed is handed over when storage is well again, and states were not held up.
    /// </summary>
    private async Task<bool> ObserveLateAsync(Task well, GrainAddress grain, long incarnation, IReadOnlyList<Output> observations)
    {
        await well;
        return await commits.StoreAsync(grain, incarnation, observations);
    }

    private Task ReadAsync<T>(string name, GrainId id, IGrainState<T> state)
    {
        world.Active();
        return states.ReadStateAsync(name, id, state);
    }

    private async Task<bool> WriteAsync<T>(string name, GrainId id, IGrainState<T> state)
    {
        Interlocked.Increment(ref statesUnderWay);
        try
        {
            await states.WriteStateAsync(name, id, state);
            return true;
        }
        finally
        {
            Interlocked.Decrement(ref statesUnderWay);
        }
    }

    /// <summary>The shipping storage, with an eye on what is under way.</summary>
    private sealed class Storage(SqliteDisk disk) : IGrainStorage
    {
        public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
            disk.ReadAsync(stateName, grainId, grainState);

        public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
            disk.Track(OrleansStorage.AddressOf(grainId), () => disk.WriteAsync(stateName, grainId, grainState));

        public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
            throw new NotSupportedException("no grain is ever cleared");
    }
}
