using Coordinator.Engine;
using Coordinator.Machines;

namespace Coordinator.Tests.Engine;

public sealed class TurnTests
{
    private readonly ToyWorld world = new();

    [Fact]
    public void A_machines_first_message_is_that_it_was_activated()
    {
        world.Turn(("a", "say x"));

        Assert.Equal(["a activated 1:0", "a say x"], world.Log);
    }

    [Fact]
    public void Stored_jobs_wake_when_the_engine_starts()
    {
        world.Store.Put("b", incarnation: 1, counter: 2);
        world.Store.Put("a", incarnation: 4, counter: 1);
        world.Core.Start();
        world.Turn();

        Assert.Equal(["a activated 5:1", "b activated 2:2"], world.Log);
    }

    [Fact]
    public void Deadlines_pass_in_the_order_of_their_times_whatever_the_order_in_which_they_were_set()
    {
        var order = Enumerable.Range(1, 200).Select(i => i * 7919 % 211).ToArray();
        world.Turn([.. order.Select(i => ($"toy{i}", $"wake {i}"))]);
        world.Log.Clear();
        Assert.Equal(TimeSpan.FromMilliseconds(order.Min()), world.Core.NextWake);

        world.Wait(1000);
        Assert.Equal(order.Order().Select(i => $"toy{i} deadline 1000"), world.Log);
        Assert.Null(world.Core.NextWake);
    }

    [Fact]
    public void A_deadline_that_moves_passes_at_its_new_time_only()
    {
        world.Turn(("a", "wake 10"), ("b", "wake 20"), ("a", "wake 30"));
        world.Log.Clear();

        world.Wait(10);
        Assert.Empty(world.Log);
        world.Wait(20);
        Assert.Equal(["b deadline 30", "a deadline 30"], world.Log);
    }

    [Fact]
    public void A_message_that_is_here_when_a_deadline_passes_is_handled_before_it()
    {
        world.Turn(("a", "wake 10"));
        world.Log.Clear();
        world.Core.Post(ToyMachine.Toy("a"), ToyMachine.Order("wake 100"));

        world.Wait(10);
        Assert.Equal(["a wake 100"], world.Log);
    }

    [Fact]
    public void Asking_about_a_grain_that_does_not_exist_creates_none()
    {
        Assert.Null(world.Core.Describe(world.Now, ToyMachine.Toy("a")));

        Assert.Empty(world.Core.Known(GrainKind.Job));
        Assert.Empty(world.Log);
    }

    [Fact]
    public void A_stored_grain_that_sleeps_is_described_without_being_woken()
    {
        world.Store.Put("a", incarnation: 4, counter: 9);
        world.Core.Start();

        Assert.Equal("{\"id\":\"a\",\"counter\":9}", world.Core.Describe(world.Now, ToyMachine.Toy("a")));
        Assert.Empty(world.Log);
    }

    [Fact]
    public void Grains_that_had_a_turn_are_known_by_kind_and_sorted()
    {
        world.Turn(("b", "say x"), ("a", "say x"));

        Assert.Equal([ToyMachine.Toy("a"), ToyMachine.Toy("b")], world.Core.Known(GrainKind.Job));
        Assert.Empty(world.Core.Known(GrainKind.Gpu));
    }

    [Fact]
    public void A_message_to_a_grain_that_cannot_exist_is_dropped()
    {
        world.Core.Post(GrainAddress.Of(new NodeId("n")), ToyMachine.Order("say x"));
        world.Turn();

        Assert.Empty(world.Core.Known(GrainKind.Node));
        Assert.True(world.Core.IsSettled(world.Now));
    }

    [Fact]
    public void A_machine_that_throws_is_reported_and_no_turn_runs_afterwards()
    {
        world.Turn(("a", "break"), ("b", "say x"));

        Assert.Equal(ToyMachine.Toy("a"), world.Broken!.Grain);
        Assert.Equal(nameof(CancelJob), world.Broken.Message);
        Assert.Empty(world.Told);
        Assert.Null(world.Core.TakeCommit(world.Now));
    }

    [Fact]
    public void A_stored_state_that_cannot_be_read_is_a_broken_invariant()
    {
        world.Store.States[ToyMachine.Toy("a")] = new PersistState("nonsense", 1, 1);
        world.Core.Start();
        world.Turn();

        Assert.IsType<FormatException>(world.Broken!.Exception);
    }

    [Fact]
    public void Chaos_loses_repeats_and_reorders_what_grains_send_each_other_and_replays_from_its_seed()
    {
        static List<string> Arrivals(ulong seed)
        {
            var world = new ToyWorld(options => options with { Chaos = new ChaosOptions { Seed = seed } });
            world.Turn([.. Enumerable.Range(0, 200).Select(i => ("a", $"pass b say {i:000}"))]);
            return world.Told;
        }

        var arrivals = Arrivals(1);
        Assert.InRange(arrivals.Distinct().Count(), 150, 199);
        Assert.True(arrivals.Count > arrivals.Distinct().Count());
        Assert.NotEqual(arrivals.Order(), arrivals);
        Assert.Equal(arrivals, Arrivals(1));
        Assert.NotEqual(arrivals, Arrivals(2));
    }
}
