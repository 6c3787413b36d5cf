using System.Net;
using System.Text;
using Coordinator.Machines;
using Coordinator.Server.Client;
using Coordinator.Server.Gateway;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;
using Coordinator.Silo.Hosting;
using Coordinator.Tests.Orleans.Support;
using Microsoft.Extensions.Logging.Abstractions;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans;

/// <summary>
/// A turn stores its events, then its state. What is answered between the two rests on a view and on an event, and a silo that dies there
/// takes the job along: nobody may have been promised it.
/// </summary>
public sealed class DurableSubmissionTests : IAsyncLifetime
{
    private static readonly GrainAddress Grain = GrainAddress.Of(TwoWorkers.Job);
    private readonly string folder = Directory.CreateTempSubdirectory("coordinator-durable-").FullName;
    private readonly SharedStorage storage = new();
    private SqliteStore events = null!;
    private SqliteCommits commits = null!;

    private IEnumerable<(string Grain, string Json)> JobWrites =>
        storage.Writes.Where(write => write.Grain == $"trainingjob/{TwoWorkers.Job}");

    public Task InitializeAsync()
    {
        events = SqliteStore.Open(new SqliteStoreOptions { Path = Path.Combine(folder, "coordinator.db"), Silo = "silo" });
        commits = new SqliteCommits(events, TimeProvider.System);
        return Task.CompletedTask;
    }

    public Task DisposeAsync()
    {
        commits.Dispose();
        events.Dispose();
        Directory.Delete(folder, recursive: true);
        return Task.CompletedTask;
    }

    [Fact]
    public async Task A_job_whose_silo_dies_between_its_event_and_its_state_was_promised_to_nobody()
    {
        await using (var silos = await TestSilos.StartAsync(storage))
        await using (var server = await ServeAsync(silos, TimeSpan.FromSeconds(1)))
        {
            var held = storage.HoldNextWrite("silo-a", TwoWorkers.Job.Value);
            var first = SubmitAsync(server);
            await held.Arrived;
            await silos.Services.Until(
                services => services.Observed.OfType<ObserveEvent>().Any(observed => observed.Event.Kind == EventKinds.JobSubmitted));
            events.Append(new CoordinatorEvent { Kind = EventKinds.JobSubmitted, Job = TwoWorkers.Job });

            // The first, and its repetition, which finds a job that shows itself.
            Assert.Equal(HttpStatusCode.Accepted, await first);
            Assert.Equal(HttpStatusCode.Accepted, await SubmitAsync(server));
            Assert.Empty(JobWrites);
            await silos.KillAsync();
        }

        await using (var silos = await TestSilos.StartAsync(storage, "silo-b"))
        await using (var server = await ServeAsync(silos, TimeSpan.FromMinutes(1)))
        {
            Assert.Equal(HttpStatusCode.Created, await SubmitAsync(server));
            Assert.Single(JobWrites);
            Assert.Equal(HttpStatusCode.OK, await SubmitAsync(server));
            await silos.KillAsync();
        }

        await using var last = await TestSilos.StartAsync(storage, "silo-c");
        Assert.Contains(
            "\"phase\":\"waiting\"",
            await Coordinator.Grains.Hosting.GrainCalls.Find(last.Grains, Grain).Describe(),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_submission_whose_activation_gives_up_is_left_with_the_next_one_before_it_is_promised()
    {
        await using var silos = await TestSilos.StartAsync(storage);
        await using var server = await ServeAsync(silos, TimeSpan.FromMinutes(1));
        var held = storage.HoldNextWrite("silo-a", TwoWorkers.Job.Value);
        var answer = SubmitAsync(server);
        await held.Arrived;

        // Another activation has written meanwhile: the job's row is of another version than this one knows.
        await using (var other = await TestSilos.StartAsync(storage, "silo-b"))
            await other.Deliver(Grain, new SubmitJob(TwoWorkers.Spec));
        held.Release();

        // The job that is there now has another spec.
        Assert.Equal(HttpStatusCode.Conflict, await answer);
        Assert.Equal(Grain, Assert.Single(silos.Services.GivenUp).Grain);
    }

    private static async Task<HttpStatusCode> SubmitAsync(SiloServer server)
    {
        using var http = new HttpClient(SiloHttp.CreateHandler());
        http.DefaultRequestHeaders.Authorization = new("Bearer", "token-of-this-test");
        using var content = new StringContent("{\"model\":{\"program\":\"linear\"}}", Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync(new Uri($"{server.Url}/api/v1/jobs?id={TwoWorkers.Job}"), content);
        return answer.StatusCode;
    }

    private Task<SiloServer> ServeAsync(TestSilos silos, TimeSpan patience) => SiloServer.StartAsync(new SiloServerOptions
    {
        Url = "http://127.0.0.1:0",
        Token = "token-of-this-test",
        DataDirectory = folder,
        SiloName = "silo",
        EngineName = OrleansSilo.EngineName,
        Grains = new OrleansGrainHost(
            new Lazy<(IGrainFactory, GrainOutbox)>(() => (silos.Grains, new GrainOutbox(silos.Grains, NullLogger<GrainOutbox>.Instance))),
            commits),
        Events = events,
        Links = new WorkerLinks(),
        SubmitTimeout = patience,
    });
}
