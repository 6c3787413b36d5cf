using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Support;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Coordinator.Tests.Server;

/// <summary>
/// What strangers write on its way into storage and out of it again: whoever shows it, it steers nobody and forges no line.
/// </summary>
public sealed class ForeignTextTests : IAsyncLifetime
{
    private const string Hostile = "\u001b[2J\u009bm over\r\n12:00:00 job.finished \u202Edone\u0000";
    private const string Plain = "\uFFFD[2J\uFFFDm over 12:00:00 job.finished \uFFFDdone\uFFFD";
    private static readonly JobId Job = new("train-1");
    private TestServer server = null!;

    public async Task InitializeAsync() => server = await TestServer.StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task A_reason_is_plain_when_a_job_hears_it()
    {
        server.Grains.Show(new JobView { Id = Job, Phase = "running", Spec = new JobSpec() });
        await server.Client.CancelJobAsync(Job, Hostile);
        Assert.Equal(Plain, (await server.Grains.NextAsync<CancelJob>()).Reason);
        await server.Client.CancelJobAsync(Job, new string('x', PlainText.MostStored + 1));
        Assert.Equal(PlainText.MostStored, (await server.Grains.NextAsync<CancelJob>()).Reason.Length);
    }

    [Fact]
    public async Task A_worker_s_words_are_plain_when_a_grain_hears_them()
    {
        using var worker = await TestWorker.JoinAsync(
            server, TestWorker.Hello("a") with { Gpus = [new GpuDescription(0, Hostile, "test", "cpu")] });
        await worker.SayAsync(new RankLeaving { Job = Job, Generation = 1, Gpu = new GpuId(new NodeId("a"), 0), Reason = Hostile });
        Assert.Equal(Plain, Assert.IsType<RankLeaving>((await server.Grains.NextAsync<WorkerSaid>()).Message).Reason);
    }

    [Fact]
    public async Task A_job_that_no_job_can_be_is_no_worker_s_to_speak_of()
    {
        using var worker = await TestWorker.JoinAsync(server, TestWorker.Hello("a"));
        await worker.SayAsync(
            new RankLeaving { Job = new JobId("../etc"), Generation = 1, Gpu = new GpuId(new NodeId("a"), 0), Reason = "" });
        Assert.Equal("'../etc' cannot be a job's id", (await worker.CloseAsync()).Reason);
    }

    [Fact]
    public async Task An_event_is_plain_in_the_database_whatever_it_is_made_of()
    {
        server.Store.Append(
            new CoordinatorEvent
            {
                Kind = Hostile,
                Job = new JobId(Hostile),
                Node = new NodeId(Hostile),
                Gpu = new GpuId(new NodeId(Hostile), 0),
                Cause = Hostile,
                Text = Hostile
            });
        server.Store.Append(new CoordinatorEvent { Kind = "long", Text = new string('x', 100_000) });

        await using var database = new SqliteConnection($"Data Source={server.Folder.File("coordinator.db")};Mode=ReadOnly;Pooling=False");
        var rows = (await database.QueryAsync("SELECT * FROM events")).Cast<IDictionary<string, object?>>().ToArray();
        Assert.All(rows.SelectMany(row => row.Values).OfType<string>(), text => Assert.True(PlainText.IsPlain(text), text));
        Assert.Equal([Plain, new string('x', (2 * PlainText.MostStored) - 1) + "…"], rows.Select(row => row["text"]));
    }

    [Fact]
    public async Task What_an_older_build_has_stored_is_plain_on_its_way_out()
    {
        server.Grains.Show(new JobView { Id = Job, Phase = "failed", Reason = Hostile, Spec = new JobSpec { Name = Hostile } });
        var job = (await server.Client.GetJobAsync(Job))!;
        Assert.Equal((Plain, Plain), (job.Reason, job.Spec.Name));
    }
}
