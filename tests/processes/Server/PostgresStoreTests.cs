using Coordinator.Machines;
using Coordinator.Server.Storage;
using Coordinator.Server.Storage.Postgres;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Processes.Server;

public sealed class PostgresStoreTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>
{
    private static readonly JobId Job = new("j1");

    [PostgresFact]
    public async Task What_one_silo_stores_another_reads_and_hears_of()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var one = await OpenAsync(database, "silo-1");
        await using var other = await OpenAsync(database, "silo-2");
        var changed = other.Changed;

        Assert.True(await one.StoreAsync(GrainAddress.Of(Job), 1, [Submitted(), Steps(1, 2, 3)]));
        await Heard(other, changed);

        var stored = Assert.Single(await other.ReadEventsAsync(new EventFilter { Job = Job }));
        Assert.Equal(("silo-1", EventKinds.JobSubmitted, "a NUL \uFFFD"), (stored.Silo, stored.Event.Kind, stored.Event.Text));
        Assert.Equal([1L, 2, 3], (await other.ReadStepsAsync(Job, 0, 10)).Select(step => step.Step.Step));
        Assert.Equal([Job], await other.ListJobsAsync());
    }

    [PostgresFact]
    public async Task An_older_incarnation_stores_nothing_once_a_higher_one_has()
    {
        await using var store = await OpenAsync(await postgres.CreateDatabaseAsync(), "silo");

        Assert.True(await store.StoreAsync(GrainAddress.Of(Job), 2, [Steps(1)]));
        Assert.False(await store.StoreAsync(GrainAddress.Of(Job), 1, [Submitted(), Steps(2)]));
        Assert.True(await store.StoreAsync(GrainAddress.Of(Job), 2, [Steps(3)]));

        Assert.Empty(await store.ReadEventsAsync(new EventFilter()));
        Assert.Equal([1L, 3], (await store.ReadStepsAsync(Job, 0, 10)).Select(step => step.Step.Step));
    }

    [PostgresFact]
    public async Task A_step_that_is_known_with_another_loss_becomes_an_event()
    {
        await using var store = await OpenAsync(await postgres.CreateDatabaseAsync(), "silo");

        await store.StoreAsync(GrainAddress.Of(Job), 1, [Steps(1, 2)]);
        await store.StoreAsync(GrainAddress.Of(Job), 1, [Steps(2)]);
        Assert.Empty(await store.ReadEventsAsync(new EventFilter()));

        await store.StoreAsync(GrainAddress.Of(Job), 1, [new ObserveSteps(Job, 0, [new StepRecord(2, 1, double.NaN, 1, 1, 1)])]);
        Assert.Equal(EventKinds.Diverged, Assert.Single(await store.ReadEventsAsync(new EventFilter())).Event.Kind);
        Assert.Equal(2, (await store.ReadStepsAsync(Job, 0, 10)).Count);
    }

    [PostgresFact]
    public async Task A_reader_behind_the_last_ordinal_misses_nothing_while_several_silos_write()
    {
        const int Each = 150;
        var database = await postgres.CreateDatabaseAsync();
        await using var one = await OpenAsync(database, "silo-1");
        await using var two = await OpenAsync(database, "silo-2");
        await using var reader = await OpenAsync(database, "reader");
        var writing = new[] { one, two }.SelectMany(store => Enumerable.Range(0, Each).Select(
            number => Task.Run(() => store.AppendAsync(new CoordinatorEvent { Kind = "test", Text = $"{number}" })))).ToArray();

        var seen = new List<long>();
        while (seen.Count < 2 * Each)
        {
            var changed = reader.Changed;
            var page = await reader.ReadEventsAsync(new EventFilter { After = seen.Count == 0 ? 0 : seen[^1], Limit = 1000 });
            seen.AddRange(page.Select(stored => stored.Ordinal));
            if (page.Count == 0)
                await changed.WaitAsync(TimeSpan.FromSeconds(20));
        }

        await Task.WhenAll(writing);
        Assert.Equal(2 * Each, seen.Distinct().Count());
    }

    [PostgresFact]
    public async Task A_database_of_a_newer_coordinator_is_refused_and_one_that_is_not_there_is_named()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using (await OpenAsync(database, "silo"))
        {
        }

        await using (var source = PostgresConnections.Create(database))
        {
            await using var raise = source.CreateCommand("INSERT INTO schema_version VALUES (99, 'later')");
            await raise.ExecuteNonQueryAsync();
        }

        Assert.Contains(
            "schema 99",
            (await Assert.ThrowsAsync<StoreSchemaException>(() => OpenAsync(database, "silo"))).Message,
            StringComparison.Ordinal);
        var missing = await Assert.ThrowsAsync<StoreUnreachableException>(
            () => OpenAsync(database + ";Database=nowhere;Password=secret", "silo"));
        Assert.Contains("'nowhere' at 127.0.0.1", missing.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", missing.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<FormatException>(() => OpenAsync("Hots=x", "silo"));
    }

    private static Task<PostgresStore> OpenAsync(string database, string silo) =>
        PostgresStore.OpenAsync(new PostgresStoreOptions { ConnectionString = database, Silo = silo });

    private static ObserveEvent Submitted() => new(new CoordinatorEvent { Kind = EventKinds.JobSubmitted, Job = Job, Text = "a NUL \0" });

    private static ObserveSteps Steps(params long[] steps) =>
        new(Job, 0, [.. steps.Select(step => new StepRecord(step, 1, 1.0 / step, 1, 10, 1))]);

    /// <summary>The connection that listens may come up after the change; then it says so itself.</summary>
    private static Task Heard(PostgresStore store, Task changed) =>
        changed.IsCompleted ? Task.CompletedTask : Task.WhenAny(changed, store.Changed).WaitAsync(TimeSpan.FromSeconds(20));
}
