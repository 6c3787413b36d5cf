using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Coordinator.Grains.Hosting;
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
/// A silo that is alone on SQLite dies between two commits of one turn: what the turn observed is in the file and its state is not. That
/// may be; what may not be is that an answer, a list or a message rests on it.
/// </summary>
public sealed class AloneDurabilityTests : IDisposable
{
    private static readonly GrainAddress Grain = GrainAddress.Of(TwoWorkers.Job);
    private readonly string folder = Directory.CreateTempSubdirectory("coordinator-alone-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task An_event_whose_state_was_lost_promised_nothing_is_in_no_list_and_sent_nothing()
    {
        using (var store = Open())
        {
            var held = new HeldStates(store, Grain);
            var commits = new SqliteCommits(held, TimeProvider.System);
            await using (var silos = await TestSilos.StartAsync(store, commits, "silo-a"))
            await using (var server = await ServeAsync(silos, store, commits, TimeSpan.FromSeconds(1)))
            {
                await silos.Connect(TwoWorkers.First, 1);
                await silos.Connect(TwoWorkers.Second, 1);
                var first = SubmitAsync(server);
                await held.Arrived;

                // It was observed, for all the world to read, and is promised neither to the first nor to who asks again.
                Assert.Contains(await EventsOf(store), observed => observed.Kind == EventKinds.JobSubmitted);
                Assert.Equal(HttpStatusCode.Accepted, await first);
                Assert.Equal(HttpStatusCode.Accepted, await SubmitAsync(server));
                Assert.Empty(silos.Orders());
                Assert.Empty((await ClusterAsync(silos)).Allocations);
                await silos.KillAsync();
                held.Die();
                commits.Dispose();
            }
        }

        using (var store = Open())
        using (var commits = new SqliteCommits(store, TimeProvider.System))
        await using (var silos = await TestSilos.StartAsync(store, commits, "silo-b"))
        await using (var server = await ServeAsync(silos, store, commits, TimeSpan.FromMinutes(1)))
        {
            await silos.Connect(TwoWorkers.First, 2);
            await silos.Connect(TwoWorkers.Second, 2);
            Assert.Contains(await EventsOf(store), observed => observed.Kind == EventKinds.JobSubmitted);
            Assert.Null(store.ReadState(Grain));
            Assert.Empty(await JobsAsync(server));
            Assert.Empty((await ClusterAsync(silos)).Allocations);
            Assert.Empty(silos.Orders());

            // Submitted again it is a job like any other, and its orders leave.
            Assert.Equal(HttpStatusCode.Created, await SubmitAsync(server));
            Assert.NotNull(store.ReadState(Grain));
            Assert.Single(await JobsAsync(server));
            await silos.Services.Until(_ => silos.Orders().OfType<PrepareRank>().Any());
        }
    }

    private static async Task<ClusterView> ClusterAsync(TestSilos silos) =>
        Contracts.Read<ClusterView>(await GrainCalls.Find(silos.Grains, GrainAddress.Cluster).Describe());

    private static async Task<IEnumerable<CoordinatorEvent>> EventsOf(SqliteStore store) =>
        (await store.ReadEventsAsync(new EventFilter { Job = TwoWorkers.Job })).Select(stored => stored.Event);

    private static async Task<HttpStatusCode> SubmitAsync(SiloServer server)
    {
        using var http = Client();
        using var content = new StringContent("{\"model\":{\"program\":\"linear\"}}", Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync(new Uri($"{server.Url}/api/v1/jobs?id={TwoWorkers.Job}"), content);
        return answer.StatusCode;
    }

    private static async Task<JsonArray> JobsAsync(SiloServer server)
    {
        using var http = Client();
        return JsonNode.Parse(await http.GetStringAsync(new Uri($"{server.Url}/api/v1/jobs")))!["items"]!.AsArray();
    }

    private static HttpClient Client()
    {
        var http = new HttpClient(SiloHttp.CreateHandler());
        http.DefaultRequestHeaders.Authorization = new("Bearer", "token-of-this-test");
        return http;
    }

    private SqliteStore Open() => SqliteStore.Open(new SqliteStoreOptions { Path = Path.Combine(folder, "coordinator.db"), Silo = "silo" });

    private Task<SiloServer> ServeAsync(
        TestSilos silos, SqliteStore store, SqliteCommits commits, TimeSpan patience) => SiloServer.StartAsync(new SiloServerOptions
        {
            Url = "http://127.0.0.1:0",
            Token = "token-of-this-test",
            DataDirectory = folder,
            SiloName = "silo",
            EngineName = OrleansSilo.EngineName,
            Grains = new OrleansGrainHost(
            new Lazy<(IGrainFactory, GrainOutbox)>(() => (silos.Grains, new GrainOutbox(silos.Grains, NullLogger<GrainOutbox>.Instance))),
            commits),
            Events = store,
            Links = new WorkerLinks(),
            SubmitTimeout = patience,
        });

    /// <summary>Commits what comes before a grain's state and not the state, until the process dies.</summary>
    private sealed class HeldStates(ICommitStore inner, GrainAddress grain) : ICommitStore
    {
        private readonly TaskCompletionSource arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim dead = new();

        /// <summary>Ends when the state is held, and what came before it is durable.</summary>
        public Task Arrived => arrived.Task;

        public void Die() => dead.Set();

        public IReadOnlyList<JobId> ListJobs() => inner.ListJobs();

        public void Commit(long number, IReadOnlyList<CommitEntry> entries)
        {
            var before = entries.TakeWhile(entry => entry.State?.Grain != grain).ToArray();
            inner.Commit(number, before);
            if (before.Length == entries.Count)
                return;
            arrived.TrySetResult();
            dead.Wait();
            throw new KilledException();
        }

        private sealed class KilledException() : System.Data.Common.DbException("killed");
    }
}
