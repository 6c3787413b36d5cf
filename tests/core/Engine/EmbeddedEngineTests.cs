using System.Collections.Concurrent;
using Coordinator.Conformance;
using Coordinator.Engine;
using Coordinator.Machines;

namespace Coordinator.Tests.Engine;

public sealed class EmbeddedEngineTests : IAsyncLifetime, IWorkerLinks
{
    private readonly ManualTimeProvider time = new();
    private readonly ToyStore store = new();
    private readonly ConcurrentQueue<string> log = new();
    private readonly ConcurrentQueue<string> told = new();
    private readonly EmbeddedEngine engine;

    public EmbeddedEngineTests() => engine = new EmbeddedEngine(
        new EngineOptions
        {
            Silo = "silo",
            TimeProvider = time,
            MachineFactory = (address, state) => new ToyMachine(address, state, log.Enqueue),
        },
        store,
        this);

    void IWorkerLinks.Send(NodeId node, CoordinatorMessage message) => told.Enqueue(((StepsRecorded)message).Job.Value);

    public Task InitializeAsync()
    {
        engine.Start();
        return Task.CompletedTask;
    }

    public async Task DisposeAsync() => await engine.StopAsync();

    [Fact]
    public async Task A_question_is_answered_after_the_messages_left_before_it()
    {
        Order("a", "count");
        Order("a", "count");

        Assert.Equal("{\"id\":\"a\",\"counter\":2}", await engine.DescribeAsync(ToyMachine.Toy("a")));
        Assert.Null(await engine.DescribeAsync(ToyMachine.Toy("b")));
        Assert.Equal([ToyMachine.Toy("a")], engine.Known(GrainKind.Job));
    }

    [Fact]
    public async Task What_grains_send_arrives_after_it_is_durable()
    {
        Order("a", "count");
        Order("a", "pass b count");
        await engine.WhenSettledAsync();

        Assert.Equal(["a is 1", "b is 1"], told);
        Assert.Equal("1:1", store.States[ToyMachine.Toy("b")].StateJson);
    }

    [Fact]
    public async Task A_deadline_passes_when_time_reaches_it()
    {
        Order("a", "wake 100");
        await engine.WhenSettledAsync();
        time.Advance(TimeSpan.FromMilliseconds(99));
        await engine.WhenSettledAsync();
        Assert.DoesNotContain("a deadline 99", log);

        time.Advance(TimeSpan.FromMilliseconds(1));
        await engine.WhenSettledAsync();
        Assert.Equal(["a activated 1:0", "a wake 100", "a deadline 100"], log);
    }

    [Fact]
    public async Task Storage_that_comes_back_is_found_and_the_engine_is_well_again()
    {
        store.Away = true;
        Order("a", "count");
        await engine.WhenSettledAsync();
        Assert.NotNull(engine.Problem);
        Assert.Empty(told);

        store.Away = false;
        time.Advance(TimeSpan.FromMilliseconds(50));
        await engine.WhenSettledAsync();
        Assert.Null(engine.Problem);
        Assert.Equal(["a is 1"], told);
    }

    [Fact]
    public async Task Who_waits_for_a_turn_waits_until_it_and_the_turns_before_it_are_durable()
    {
        store.Away = true;
        var first = engine.DeliverAsync(ToyMachine.Toy("a"), ToyMachine.Order("count"));
        var repeated = engine.DeliverAsync(ToyMachine.Toy("a"), ToyMachine.Order("say nothing"));
        await engine.DeliverAsync(ToyMachine.Toy("b"), ToyMachine.Order("say hello"));
        await engine.WhenSettledAsync();
        Assert.Equal("{\"id\":\"a\",\"counter\":1}", await engine.DescribeAsync(ToyMachine.Toy("a")));
        Assert.False(first.IsCompleted);
        Assert.False(repeated.IsCompleted);

        store.Away = false;
        time.Advance(TimeSpan.FromMilliseconds(50));
        Assert.True(await first);
        Assert.True(await repeated);
        Assert.Equal("1:1", store.States[ToyMachine.Toy("a")].StateJson);
    }

    [Fact]
    public async Task Who_waits_for_a_turn_that_is_lost_is_told_so()
    {
        Assert.True(await engine.DeliverAsync(ToyMachine.Toy("a"), ToyMachine.Order("count")));
        store.Put("a", incarnation: 7, counter: 40);
        Assert.False(await engine.DeliverAsync(ToyMachine.Toy("a"), ToyMachine.Order("count")));
        Assert.True(await engine.DeliverAsync(ToyMachine.Toy("a"), ToyMachine.Order("count")));
        Assert.Equal("8:41", store.States[ToyMachine.Toy("a")].StateJson);
    }

    [Fact]
    public async Task Nobody_waits_for_an_engine_that_has_stopped()
    {
        store.Away = true;
        var waiting = engine.DeliverAsync(ToyMachine.Toy("a"), ToyMachine.Order("count"));
        await engine.StopAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.DeliverAsync(ToyMachine.Toy("a"), ToyMachine.Order("count")));
    }

    [Fact]
    public async Task Messages_from_many_threads_are_all_handled()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(() =>
        {
            for (var i = 0; i < 500; i++)
                Order($"toy{(worker + i) % 10}", "count");
        })));
        await engine.WhenSettledAsync();

        Assert.Equal(4000, told.Count);
        Assert.All(store.States.Values, state => Assert.Equal("1:400", state.StateJson));
    }

    [Fact]
    public async Task Stopping_stores_what_waits_and_refuses_questions()
    {
        store.Away = true;
        Order("a", "count");
        await engine.WhenSettledAsync();
        store.Away = false;

        await engine.StopAsync();
        Assert.Equal("1:1", store.States[ToyMachine.Toy("a")].StateJson);
        Assert.Equal(["a is 1"], told);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.DescribeAsync(ToyMachine.Toy("a")));
    }

    private void Order(string toy, string text) => engine.Post(ToyMachine.Toy(toy), ToyMachine.Order(text));
}
