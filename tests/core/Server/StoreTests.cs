using Coordinator.Machines;
using Coordinator.Server.Storage;
using Coordinator.Tests.Support;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Coordinator.Tests.Server;

public sealed class StoreTests : IDisposable
{
    private static readonly JobId Job = new("train-1");
    private static readonly GrainAddress Grain = GrainAddress.Of(Job);
    private readonly TemporaryFolder folder = new();
    private SqliteStore store;
    private long batches;

    public StoreTests() => store = Open();

    public void Dispose()
    {
        store.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void A_committed_state_outlives_the_store()
    {
        Assert.True(Write(1, 1, "{\"a\":1}"));
        Reopen();

        Assert.Equal("{\"a\":1}", store.ReadState(Grain)?.StateJson);
        Assert.Equal([Grain], store.ListStates());
        Assert.Null(store.ReadState(GrainAddress.Cluster)?.StateJson);
    }

    [Theory]
    [InlineData(2, 6)]
    [InlineData(3, 1)]
    public void A_higher_incarnation_or_sequence_replaces_a_state(long incarnation, long sequence)
    {
        Write(2, 5, "old");

        Assert.True(Write(incarnation, sequence, "new"));
        Assert.Equal("new", store.ReadState(Grain)?.StateJson);
    }

    [Theory]
    [InlineData(2, 5, "another of the same number")]
    [InlineData(2, 4, "lower sequence")]
    [InlineData(1, 9, "lower incarnation")]
    public void A_state_that_is_not_above_the_stored_one_is_refused(long incarnation, long sequence, string state)
    {
        Write(2, 5, "old");

        Assert.False(Write(incarnation, sequence, state));
        Assert.Equal("old", store.ReadState(Grain)?.StateJson);
    }

    [Fact]
    public async Task An_event_comes_back_as_it_was_stored()
    {
        var observed = new CoordinatorEvent
        {
            Kind = EventKinds.RankExcluded,
            Job = Job,
            Node = new NodeId("n"),
            Gpu = new GpuId(new NodeId("n"), 3),
            Timeline = 1,
            Generation = 7,
            Step = 42,
            Cause = "silent",
            DurationMs = 12.5,
            Text = "it fell silent",
            Numbers = new Dictionary<string, double> { ["applied"] = 41, ["odd"] = double.NaN },
        };
        var time = new DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero).AddMicroseconds(678_901);
        Commit(new CommitEntry(time) { Observations = [new ObserveEvent(observed)] });

        var stored = Assert.Single(await store.ReadEventsAsync(new EventFilter { Job = Job }));
        Assert.Equal((1, time, "silo one"), (stored.Ordinal, stored.Time, stored.Silo));
        Assert.Equal(observed.Numbers, stored.Event.Numbers!.ToDictionary());
        Assert.Equal(observed with { Numbers = null }, stored.Event with { Numbers = null });
    }

    [Fact]
    public async Task Events_are_read_by_job_behind_an_ordinal_or_from_the_end()
    {
        foreach (var (kind, job) in new[] { ("a", Job), ("b", new JobId("other")), ("c", Job), ("d", Job) })
            store.Append(new CoordinatorEvent { Kind = kind, Job = job });

        Assert.Equal(["c", "d"], await KindsAsync(new EventFilter { Job = Job, After = 1 }));
        Assert.Equal(["a", "b"], await KindsAsync(new EventFilter { Limit = 2 }));
        Assert.Equal(["c", "d"], await KindsAsync(new EventFilter { Limit = 2, Newest = true }));
    }

    [Fact]
    public async Task A_step_is_stored_once_and_a_repeat_with_the_same_loss_is_nothing_new()
    {
        Steps(1, Step(1, 2.5), Step(2, double.NaN));
        Steps(1, Step(2, double.NaN), Step(3, -0.0));

        var steps = await store.ReadStepsAsync(Job, 0, 10);
        Assert.Equal([1, 2, 3], steps.Select(step => step.Step.Step));
        Assert.Equal(
            [2.5, double.NaN, -0.0],
            steps.Select(step => step.Step.Loss),
            (a, b) => BitConverter.DoubleToInt64Bits(a) == BitConverter.DoubleToInt64Bits(b));
        Assert.Empty(await store.ReadEventsAsync(new EventFilter()));
    }

    [Fact]
    public async Task A_step_reported_again_with_another_loss_is_the_event_that_the_job_diverged()
    {
        Steps(1, Step(1, 2.5));
        Steps(1, Step(1, double.BitIncrement(2.5)));

        var diverged = Assert.Single(await store.ReadEventsAsync(new EventFilter())).Event;
        Assert.Equal(
            (EventKinds.Diverged, Job, 1, 1L), (diverged.Kind, diverged.Job!.Value, diverged.Timeline!.Value, diverged.Step!.Value));
        Assert.Equal(2.5, diverged.Numbers!["recorded"]);
        Assert.Equal(2.5, Assert.Single(await store.ReadStepsAsync(Job, 0, 10)).Step.Loss);
    }

    [Fact]
    public async Task The_same_step_of_another_timeline_is_another_step()
    {
        Steps(1, Step(1, 2.5));
        Steps(2, Step(1, 2.0));

        Assert.Equal([1, 2], (await store.ReadStepsAsync(Job, 0, 10)).Select(step => step.Timeline));
        Assert.Equal([2], (await store.ReadStepsAsync(Job, 1, 10)).Select(step => step.Timeline));
    }

    [Fact]
    public void A_second_silo_on_the_database_is_refused_with_the_holders_name()
    {
        store.NameHolder("http://127.0.0.1:7070");
        var refusal = Assert.Throws<StoreLockedException>(Open);

        Assert.Equal(new StoreHolder("silo one", Environment.ProcessId, "http://127.0.0.1:7070"), refusal.Holder);
    }

    [Fact]
    public void A_name_that_a_dead_holder_left_behind_keeps_nobody_out()
    {
        var name = File.ReadAllBytes(folder.File("coordinator.db.holder"));
        store.Dispose();
        File.WriteAllBytes(folder.File("coordinator.db.holder"), name);

        store = Open();
        Assert.True(Write(1, 1, "x"));
    }

    [Fact]
    public void A_database_of_a_newer_coordinator_is_refused_and_left_alone()
    {
        store.Dispose();
        using (var connection = new SqliteConnection($"Data Source={folder.File("coordinator.db")};Pooling=false"))
            connection.Execute("INSERT INTO schema_version (version, applied_at) VALUES (99, '')");

        var refusal = Assert.Throws<StoreSchemaException>(Open);
        Assert.Equal(99, refusal.Found);
        refusal = Assert.Throws<StoreSchemaException>(Open);
        Assert.Equal(99, refusal.Found);
    }

    private SqliteStore Open() => SqliteStore.Open(new SqliteStoreOptions { Path = folder.File("coordinator.db"), Silo = "silo one" });

    private void Reopen()
    {
        store.Dispose();
        store = Open();
    }

    private bool Write(long incarnation, long sequence, string state) =>
        Commit(new CommitEntry(DateTimeOffset.UnixEpoch) { State = new GrainState(Grain, new PersistState(state, incarnation, sequence)) });

    private void Steps(int timeline, params StepRecord[] steps) =>
        Commit(new CommitEntry(DateTimeOffset.UnixEpoch) { Observations = [new ObserveSteps(Job, timeline, steps)] });

    private bool Commit(CommitEntry entry)
    {
        store.Commit(++batches, [entry]);
        return entry.IsTaken;
    }

    private static StepRecord Step(long step, double loss) => new(step, 1, loss, 1.0, double.NaN, 64);

    private async Task<string[]> KindsAsync(EventFilter filter) =>
        [.. (await store.ReadEventsAsync(filter)).Select(stored => stored.Event.Kind)];
}
