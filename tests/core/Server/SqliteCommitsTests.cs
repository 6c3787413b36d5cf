using System.Threading.Channels;
using Coordinator.Machines;
using Coordinator.Server.Storage;
using Coordinator.Tests.Support;
using Microsoft.Data.Sqlite;

namespace Coordinator.Tests.Server;

public sealed class SqliteCommitsTests : IDisposable
{
    private static readonly GrainAddress Job = GrainAddress.Of(new JobId("j"));

    private readonly TemporaryFolder folder = new();

    private string Database => folder.File("coordinator.db");

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task What_is_refused_keeps_nothing_else_from_being_stored()
    {
        using var store = Open();
        using var commits = new SqliteCommits(store, TimeProvider.System);
        Task<bool>[] writes =
        [
            commits.WriteAsync(Job, new PersistState("second", 2, 1)),
            commits.WriteAsync(Job, new PersistState("first", 1, 9)),
            commits.WriteAsync(Job, new PersistState("another's second", 2, 1)),
            commits.WriteAsync(GrainAddress.Cluster, new PersistState("cluster", 1, 1)),
        ];

        var taken = await Task.WhenAll(writes);
        Assert.Equal([true, false, false, true], taken);
        Assert.Equal(new PersistState("second", 2, 1), store.ReadState(Job));
        Assert.Equal("cluster", store.ReadState(GrainAddress.Cluster)?.StateJson);
    }

    [Fact]
    public async Task An_earlier_incarnation_stores_no_events_beside_a_later_one()
    {
        using var store = Open();
        using var commits = new SqliteCommits(store, TimeProvider.System);

        Assert.True(await commits.StoreAsync(Job, 2, [Event("later")]));
        Assert.False(await commits.StoreAsync(Job, 1, [Event("earlier")]));
        Assert.True(await commits.StoreAsync(GrainAddress.Cluster, 0, [Event("keeps none")]));
        Assert.Equal(["later", "keeps none"], (await store.ReadEventsAsync(new EventFilter())).Select(stored => stored.Event.Text));
    }

    [Fact]
    public async Task While_the_database_is_locked_everything_waits_in_its_order_and_is_stored_once()
    {
        using var store = Open();
        using var commits = new SqliteCommits(store, TimeProvider.System);
        Task<bool>[] waiting;
        using (var other = new SqliteConnection($"Data Source={Database};Pooling=False"))
        {
            other.Open();
            using var locked = other.BeginTransaction(deferred: false);
            waiting = [
                commits.StoreAsync(Job, 1, [Event("a")]), commits.WriteAsync(Job, new PersistState("b", 1, 1)),
                commits.StoreAsync(Job, 1, [Event("c")]),
            ];
            Assert.DoesNotContain(waiting, write => write.IsCompleted);
            locked.Rollback();
        }

        Assert.All(await Task.WhenAll(waiting), Assert.True);
        Assert.Equal(["a", "c"], (await store.ReadEventsAsync(new EventFilter())).Select(stored => stored.Event.Text));
        Assert.Null(commits.Problem);
    }

    [Fact]
    public async Task A_commit_whose_acknowledgement_was_lost_is_not_stored_again_and_its_answers_stand()
    {
        using var store = Open();
        CommitEntry[] entries =
        [
            new(DateTimeOffset.UnixEpoch) { Observer = (Job, 2), Observations = [Event("once")] },
            new(DateTimeOffset.UnixEpoch) { Observer = (Job, 1), Observations = [Event("never")] },
        ];
        store.Commit(1, entries);
        store.Commit(1, entries);

        Assert.Equal([true, false], entries.Select(entry => entry.IsTaken));
        Assert.Equal("once", Assert.Single(await store.ReadEventsAsync(new EventFilter())).Event.Text);
    }

    [Fact]
    public async Task What_comes_after_the_end_is_told_so()
    {
        using var store = Open();
        var commits = new SqliteCommits(store, TimeProvider.System);
        var last = commits.WriteAsync(Job, new PersistState("last", 1, 1));
        commits.Dispose();

        Assert.True(await last);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => commits.WriteAsync(Job, new PersistState("too late", 1, 2)));
        Assert.Equal("last", store.ReadState(Job)?.StateJson);
    }

    [Fact]
    public async Task Tries_to_reach_storage_come_at_doubled_delays_up_to_the_largest_and_what_comes_meanwhile_becomes_one_commit()
    {
        var store = new AwayStore(failures: 8);
        var rests = new Rests();
        using var commits = new SqliteCommits(store, rests);
        List<Task<bool>> writes = [commits.WriteAsync(Job, new PersistState("first", 1, 1))];
        List<double> pauses = [];
        while (pauses.Count < 8)
        {
            var (pause, end) = await rests.NextAsync();
            pauses.Add(pause.TotalMilliseconds);
            Assert.NotNull(commits.Problem);

            // It ends no pause.
            writes.Add(commits.WriteAsync(Job, new PersistState("later", 1, pauses.Count + 1)));
            end();
        }

        await Task.WhenAll(writes);
        Assert.Equal([50, 100, 200, 400, 800, 1600, 2000, 2000], pauses);
        Assert.Equal([(1L, 1), (2L, 8)], store.Commits);
        Assert.Null(commits.Problem);
    }

    private static ObserveEvent Event(string text) => new(new CoordinatorEvent { Kind = EventKinds.Silo, Text = text });

    private SqliteStore Open() => SqliteStore.Open(new SqliteStoreOptions { Path = Database, Silo = "silo" });

    /// <summary>Away for so many tries.</summary>
    private sealed class AwayStore(int failures) : ICommitStore
    {
        private int left = failures;

        /// <summary>Numbers and lengths of the commits that it took.</summary>
        public List<(long Number, int Entries)> Commits { get; } = [];

        public void Commit(long number, IReadOnlyList<CommitEntry> entries)
        {
            if (left-- > 0)
                throw new SqliteException("away", 5);
            Commits.Add((number, entries.Count));
        }

        public IReadOnlyList<JobId> ListJobs() => [];
    }

    /// <summary>Time that passes when the test says so, and hands it every pause.</summary>
    private sealed class Rests : TimeProvider
    {
        private readonly Channel<(TimeSpan Pause, Action End)> rests = Channel.CreateUnbounded<(TimeSpan, Action)>();

        public ValueTask<(TimeSpan Pause, Action End)> NextAsync() => rests.Reader.ReadAsync();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            rests.Writer.TryWrite((dueTime, () => callback(state)));
            return System.CreateTimer(_ => { }, null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }
}
