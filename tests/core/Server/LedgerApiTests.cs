using Coordinator.Machines;
using Coordinator.Machines.Ledger;
using Coordinator.Server.Storage;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Server;

/// <summary>A job's ledger from a silo, and from its file when there is no silo.</summary>
public sealed class LedgerApiTests : IAsyncLifetime
{
    private static readonly JobId Job = new("train-1");
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private TestServer server = null!;

    public async Task InitializeAsync()
    {
        server = await TestServer.StartAsync();
        CommitEntry[] story =
        [
            Event(0, EventKinds.JobSubmitted, 0, new() { ["ranks"] = 2 }),
            Event(5, EventKinds.GenerationForming, 1, new() { ["ranks"] = 2 }),
            Event(6, EventKinds.GenerationPlanned, 1),
            Event(8, EventKinds.GenerationRunning, 1),
            new(Start + TimeSpan.FromSeconds(10))
            {
                Observations = [new ObserveSteps(Job, 0, [Step(1), Step(2), Step(3)])],
            },
            Event(11, EventKinds.JobFinished, 1),
            Event(3, EventKinds.JobSubmitted, 0, new() { ["ranks"] = 64 }, "another"),
        ];
        server.Store.Commit(1, story);
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task The_silo_and_its_file_give_the_same_account()
    {
        var ledger = await server.Client.GetLedgerAsync(Job);

        // The steps were recorded long after they were applied, as the end says.
        Assert.Equal(("finished", 22.0), (ledger!.State, Math.Round(ledger.RankSeconds, 3)));
        Assert.Equal(2 * 3.0, Of(ledger, LedgerCause.Productive), 3);
        Assert.Equal(3, ledger.Steps);

        // Beside the silo that has it open, and after it.
        var file = server.Folder.File("coordinator.db");
        Assert.Equivalent(ledger, await LedgerReading.ReadAsync(new SqliteHistory(file), Job, null), strict: true);
        server.Store.Dispose();
        Assert.Equivalent(ledger, await LedgerReading.ReadAsync(new SqliteHistory(file), Job, null), strict: true);
        Assert.Equal([new JobId("another"), Job], await new SqliteHistory(file).ReadJobsAsync());
    }

    [Theory]
    [InlineData("train-9")]
    [InlineData("no%20job")]
    public async Task A_job_that_is_not_there_has_none(string job) => Assert.Null(await server.Client.GetLedgerAsync(new JobId(job)));

    [Fact]
    public void A_file_that_is_no_silos_is_refused_and_not_made()
    {
        var missing = server.Folder.File("missing.db");
        Assert.Contains("there is no such file", Refusal(missing), StringComparison.Ordinal);
        Assert.False(File.Exists(missing));
        Assert.Contains("it is empty", Refusal(server.Folder.Write("empty.db", "")), StringComparison.Ordinal);
        Assert.Contains("is no SQLite database", Refusal(server.Folder.Write("other.db", new string('x', 200))), StringComparison.Ordinal);
    }

    private static string Refusal(string file) => Assert.Throws<StoreUnusableException>(() => new SqliteHistory(file)).Message;

    private static double Of(JobLedger ledger, string cause) => ledger.Entries.Single(entry => entry.Cause == cause).RankSeconds;

    private static StepRecord Step(long step) => new(step, 1, 1, 1, 1000, 64);

    private static CommitEntry Event(
        double at, string kind, long generation, Dictionary<string, double>? numbers = null, string? job = null) =>
        new(Start + TimeSpan.FromSeconds(at))
        {
            Observations =
        [
            new ObserveEvent(new CoordinatorEvent
            {
                Kind = kind,
                Job = new JobId(job ?? Job.Value),
                Generation = generation,
                Timeline = 0,
                Numbers = numbers,
            }),
        ],
        };
}
