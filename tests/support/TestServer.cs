using Coordinator.Machines;
using Coordinator.Server.Client;
using Coordinator.Server.Gateway;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;

namespace Coordinator.Tests.Support;

/// <summary>A server on a free loopback port over fake grains and a real store.</summary>
public sealed class TestServer : IAsyncDisposable
{
    public const string Token = "correct-horse-battery-staple";

    private TestServer(SqliteStore store, FakeGrains grains, WorkerLinks links, SiloServer server)
    {
        Store = store;
        Grains = grains;
        Links = links;
        Server = server;
        Client = new CoordinatorClient(server.Url, Token);
    }

    public TemporaryFolder Folder { get; private init; } = null!;

    public SqliteStore Store { get; }

    public FakeGrains Grains { get; }

    public WorkerLinks Links { get; }

    public SiloServer Server { get; }

    public CoordinatorClient Client { get; }

    public static async Task<TestServer> StartAsync(Func<SiloServerOptions, SiloServerOptions>? configure = null)
    {
        var folder = new TemporaryFolder();
        var store = SqliteStore.Open(new SqliteStoreOptions { Path = folder.File("coordinator.db"), Silo = "silo" });
        var grains = new FakeGrains();
        var links = new WorkerLinks();
        var options = new SiloServerOptions
        {
            Url = "http://127.0.0.1:0",
            Token = Token,
            DataDirectory = folder.Path,
            SiloName = "silo",
            EngineName = "fake",
            Grains = grains,
            Events = store,
            Links = links,
        };
        var server = await SiloServer.StartAsync(configure?.Invoke(options) ?? options);
        return new TestServer(store, grains, links, server) { Folder = folder };
    }

    /// <summary>A client without the token.</summary>
    public HttpClient Stranger() => new(SiloHttp.CreateHandler()) { BaseAddress = new Uri(Server.Url) };

    /// <summary>A client with the token and nothing else.</summary>
    public HttpClient Friend()
    {
        var client = Stranger();
        client.DefaultRequestHeaders.Authorization = new("Bearer", Token);
        return client;
    }

    /// <summary>Makes every submitted job exist: with a view, and with its first event stored.</summary>
    public void AcceptJobs() => Grains.OnPost = (to, message) =>
    {
        if (message is not SubmitJob submit || Grains.DescribeAsync(to).Result is not null)
            return;
        Grains.Show(new JobView { Id = new JobId(to.Key), Phase = "waiting", Spec = submit.Spec });
        Store.Append(new CoordinatorEvent { Kind = EventKinds.JobSubmitted, Job = new JobId(to.Key) });
    };

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.StopAsync();
        Store.Dispose();
        Folder.Dispose();
    }
}
