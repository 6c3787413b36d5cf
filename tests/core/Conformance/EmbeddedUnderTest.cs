using System.Globalization;
using Coordinator.Cli.Silo;
using Coordinator.Conformance;
using Coordinator.Engine;
using Coordinator.Machines;
using Coordinator.Server.Storage;
using Coordinator.Tests.Support;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coordinator.Tests.Conformance;

/// <summary>The embedded engine over the SQLite store that it has in production, moved by hand.</summary>
internal sealed class EmbeddedUnderTest : IConformanceEngine, IWorkerLinks
{
    private static readonly DateTimeOffset Wall = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Far more rounds, of a hundred turns each, than any transcript takes at one moment.</summary>
    private const int MaxRounds = 1000;

    private readonly TemporaryFolder folder = new();
    private readonly EngineSetup setup;
    private readonly EmbeddedFences fences;
    private List<SendToWorker> sent = [];
    private SqliteStore store;
    private FaultStore faults;
    private EngineCore core;
    private CommitBatch? held;
    private TimeSpan now;
    private int lives;

    public EmbeddedUnderTest(EngineSetup setup, EmbeddedFences? fences = null)
    {
        this.setup = setup;
        this.fences = fences ?? new EmbeddedFences();
        (store, faults, core) = Start();
    }

    private string Database => folder.File("coordinator.db");

    public static Task<IConformanceEngine> Begin(EngineSetup setup) => Task.FromResult<IConformanceEngine>(new EmbeddedUnderTest(setup));

    public Task PostAsync(GrainAddress to, GrainMessage message)
    {
        core.Post(to, message);
        return Task.CompletedTask;
    }

    public Task SettleAsync()
    {
        while (true)
        {
            RunTurns();
            if ((held ?? core.TakeCommit(now)) is not { } batch)
                return Task.CompletedTask;
            held = faults.Holds ? batch : null;
            if (held is not null)
                return Task.CompletedTask;
            Commit(batch);
        }
    }

    public async Task<TimeSpan> AdvanceAsync(TimeSpan atMost)
    {
        var (start, end) = (now, now + atMost);
        now = core.NextWake is { } wake && wake < end ? wake > now ? wake : now : end;
        await SettleAsync();
        return now - start;
    }

    public Task KillAsync()
    {
        store.Dispose();
        held = null;
        var mode = faults.Mode;
        (store, faults, core) = Start();
        faults.Mode = mode;
        return Task.CompletedTask;
    }

    public async Task SetStorageAsync(StorageMode mode)
    {
        faults.Mode = mode;
        await SettleAsync();
    }

    public Task FailNextWriteAsync(WriteFault fault)
    {
        faults.Next = fault;
        return Task.CompletedTask;
    }

    public Task WriteAsAnotherAsync(GrainAddress grain, PersistState state)
    {
        using var connection = new SqliteConnection($"Data Source={Database}");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "UPDATE grain_state SET incarnation = $incarnation, sequence = $sequence, state = $state WHERE kind = $kind AND key = $key";
        command.Parameters.AddWithValue("$incarnation", state.Incarnation);
        command.Parameters.AddWithValue("$sequence", state.Sequence);
        command.Parameters.AddWithValue("$state", state.StateJson);
        command.Parameters.AddWithValue("$kind", grain.Kind.ToString());
        command.Parameters.AddWithValue("$key", grain.Key);
        Assert.Equal(1, command.ExecuteNonQuery());
        return Task.CompletedTask;
    }

    public Task<PersistState?> ReadStateAsync(GrainAddress grain)
    {
        using var connection = new SqliteConnection($"Data Source={Database}");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT state, incarnation, sequence FROM grain_state WHERE kind = $kind AND key = $key";
        command.Parameters.AddWithValue("$kind", grain.Kind.ToString());
        command.Parameters.AddWithValue("$key", grain.Key);
        using var reader = command.ExecuteReader();
        return Task.FromResult(reader.Read() ? new PersistState(reader.GetString(0), reader.GetInt64(1), reader.GetInt64(2)) : null);
    }

    public async Task<IReadOnlyList<CoordinatorEvent>> ReadEventsAsync() =>
        [.. (await store.ReadEventsAsync(new EventFilter { Limit = int.MaxValue })).Select(stored => stored.Event)];

    public async Task<IReadOnlyList<StepRecord>> ReadStepsAsync(JobId job) =>
        [.. (await store.ReadStepsAsync(job, 0, int.MaxValue)).Select(stored => stored.Step)];

    public Task<string?> DescribeAsync(GrainAddress grain) => Task.FromResult(core.Describe(now, grain));

    public IReadOnlyList<SendToWorker> TakeSent()
    {
        var taken = sent;
        sent = [];
        return taken;
    }

    public void Send(NodeId node, CoordinatorMessage message) => sent.Add(new SendToWorker(node, message));

    public ValueTask DisposeAsync()
    {
        store.Dispose();
        using (var pooled = new SqliteConnection($"Data Source={Database}"))
            SqliteConnection.ClearPool(pooled);
        folder.Dispose();
        return ValueTask.CompletedTask;
    }

    private (SqliteStore Store, FaultStore Faults, EngineCore Core) Start()
    {
        // A process's clock begins anywhere.
        now = TimeSpan.FromHours(7 * lives++ % 5);
        var silo = string.Create(CultureInfo.InvariantCulture, $"silo-{lives}");
        var opened = SqliteStore.Open(new SqliteStoreOptions { Path = Database, Silo = silo });
        var faulty = fences.Store(new SqliteEngineStore(opened));
        var engine = new EngineCore(
            new EngineOptions
            {
                Silo = silo,
                MachineFactory = fences.Machines,
                Chaos = setup.Hostility is { } hostility ? new ChaosOptions { Seed = hostility.Seed, Loss = hostility.Loss, Repeat = hostility.Repeat, Reorder = hostility.Reorder } : null,
                OnBrokenInvariant = broken =>
                    throw new InvalidOperationException($"{broken.Grain} broke on {broken.Message}", broken.Exception),
            },
            faulty,
            fences.Links(this),
            NullLogger<EngineCore>.Instance);
        engine.Start();
        return (opened, faulty, engine);
    }

    private void RunTurns()
    {
        for (var round = 0; round == 0 || core.HasWork; round++)
        {
            if (round > MaxRounds)
                throw new InvalidOperationException($"{MaxRounds} rounds of turns without an end: the grains talk in a circle");
            core.RunTurns(now, Wall + now, 100);
        }
    }

    private void Commit(CommitBatch batch)
    {
        CommitResult result;
        try
        {
            result = faults.Commit(batch);
        }
        catch (IOException exception)
        {
            core.CommitFailed(now, exception);
            return;
        }

        core.CommitEnded(now, result);
    }
}
