using Coordinator.Cli.Silo;
using Coordinator.Conformance;
using Coordinator.Engine;
using Coordinator.Machines;
using Coordinator.Server.Client;
using Coordinator.Server.Storage;
using Coordinator.Tests.Engine;

namespace Coordinator.Tests.Server;

public sealed class EmbeddedSiloTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_silo_started_again_on_its_data_directory_goes_on()
    {
        await using (var first = await StartAsync())
        {
            first.Engine.Post(ToyMachine.Toy("a"), ToyMachine.Order("count"));
            await first.Engine.WhenSettledAsync();
        }

        await using var second = await StartAsync();
        Assert.Equal("{\"id\":\"a\",\"counter\":1}", await second.Engine.DescribeAsync(ToyMachine.Toy("a")));
        var silo = (await second.Events.ReadEventsAsync(new EventFilter())).Where(stored => stored.Event.Kind == EventKinds.Silo);
        Assert.Equal(["started", "stopped", "started"], silo.Select(stored => stored.Event.Cause));
    }

    [Fact]
    public async Task A_second_silo_on_a_data_directory_is_told_who_has_it_and_leaves_it_alone()
    {
        await using var first = await StartAsync();
        var refusal = await Assert.ThrowsAsync<StoreLockedException>(StartAsync);

        Assert.Equal(new StoreHolder("silo", Environment.ProcessId, first.Url), refusal.Holder);
        using var client = new CoordinatorClient(first.Url, first.Token);
        Assert.Equal("embedded", (await client.GetInfoAsync()).Engine);
    }

    [Fact]
    public async Task A_commit_to_SQLite_whose_acknowledgement_was_lost_is_stored_once()
    {
        using var store = SqliteStore.Open(new SqliteStoreOptions { Path = folder.File("lossy.db"), Silo = "silo" });
        var time = new ManualTimeProvider();
        var engine = new EmbeddedEngine(
            new EngineOptions { Silo = "silo", TimeProvider = time, MachineFactory = (address, state) => new ToyMachine(address, state, _ => { }) },
            new LossyStore(new SqliteEngineStore(store)),
            new NoLinks());
        engine.Start();
        engine.Post(ToyMachine.Toy("a"), ToyMachine.Order("event once"));
        engine.Post(ToyMachine.Toy("a"), ToyMachine.Order("count"));
        await engine.WhenSettledAsync();
        Assert.NotNull(engine.Problem);

        time.Advance(TimeSpan.FromSeconds(1));
        await engine.WhenSettledAsync();
        Assert.Null(engine.Problem);
        await engine.StopAsync();
        Assert.Single(await store.ReadEventsAsync(new EventFilter()));
        Assert.Equal("1:1", store.LoadState(ToyMachine.Toy("a")));
    }

    private Task<EmbeddedSilo> StartAsync() => EmbeddedSilo.StartAsync(new EmbeddedSiloOptions
    {
        DataDirectory = folder.File("silo"),
        Url = "http://127.0.0.1:0",
        Name = "silo",
        MachineFactory = (address, state) => new ToyMachine(address, state, _ => { }),
    });

    private sealed class LossyStore(IEngineStore inner) : IEngineStore
    {
        private bool lost;

        public IReadOnlyList<GrainAddress> List() => inner.List();

        public string? Load(GrainAddress address) => inner.Load(address);

        public CommitResult Commit(CommitBatch batch)
        {
            var result = inner.Commit(batch);
            if (lost)
                return result;
            lost = true;
            throw new IOException("the acknowledgement was lost");
        }
    }

    private sealed class NoLinks : IWorkerLinks
    {
        public void Send(NodeId node, CoordinatorMessage message)
        {
        }
    }
}
