namespace Coordinator.Tests.Engine;

public sealed class DurabilityTests
{
    private readonly ToyWorld world = new();

    [Fact]
    public void A_send_waits_until_the_persist_before_it_is_durable()
    {
        world.Turn(("a", "count"));
        Assert.Empty(world.Told);

        world.Commit();
        Assert.Equal(["a is 1"], world.Told);
        Assert.Equal("1:1", world.Store.States[ToyMachine.Toy("a")].StateJson);
    }

    [Fact]
    public void A_send_waits_until_the_event_before_it_is_durable()
    {
        world.Turn(("a", "event seen"));
        Assert.Empty(world.Told);

        world.Commit();
        Assert.Equal(["seen"], world.Store.Events);
        Assert.Equal(["seen"], world.Told);
    }

    [Fact]
    public void A_send_of_a_grain_with_nothing_to_store_leaves_at_once()
    {
        world.Turn(("a", "count"), ("b", "say hello"));

        Assert.Equal(["hello"], world.Told);
    }

    [Fact]
    public void A_send_of_a_later_turn_does_not_overtake_the_persist_that_its_grain_waits_for()
    {
        world.Turn(("a", "count"));
        var batch = world.Core.TakeCommit(world.Now)!;
        world.Turn(("a", "say later"));
        Assert.Empty(world.Told);

        world.Core.CommitEnded(world.Now, world.Store.Commit(batch));
        Assert.Equal(["a is 1", "later"], world.Told);
    }

    [Fact]
    public void What_turns_ask_for_during_a_commit_becomes_one_batch_with_each_grains_last_state()
    {
        world.Turn(("a", "count"));
        var first = world.Core.TakeCommit(world.Now)!;
        world.Turn(("a", "count"), ("b", "count"), ("a", "count"));
        Assert.Null(world.Core.TakeCommit(world.Now));

        world.Core.CommitEnded(world.Now, world.Store.Commit(first));
        var second = world.Core.TakeCommit(world.Now)!;
        Assert.Equal(["1:3", "1:1"], second.States.Select(write => write.State.StateJson));
        world.Core.CommitEnded(world.Now, world.Store.Commit(second));
        Assert.Equal(["a is 1", "a is 2", "b is 1", "a is 3"], world.Told);
    }

    [Fact]
    public void A_refused_machine_is_rebuilt_from_storage_with_its_next_message_and_nothing_that_it_asked_for_leaves()
    {
        world.Turn(("a", "count"));
        world.Store.Put("a", incarnation: 7, counter: 40);
        world.Commit();
        Assert.Empty(world.Told);

        world.Log.Clear();
        world.Turn(("a", "count"));
        world.Commit();
        Assert.Equal(["a activated 8:40", "a count"], world.Log);
        Assert.Equal(["a is 41"], world.Told);
    }

    [Fact]
    public void A_refused_machine_loses_what_it_asked_for_during_the_commit_too()
    {
        world.Turn(("a", "count"));
        world.Store.Put("a", incarnation: 7, counter: 40);
        var batch = world.Core.TakeCommit(world.Now)!;
        world.Turn(("a", "count"), ("a", "say gone"));
        world.Core.CommitEnded(world.Now, world.Store.Commit(batch));
        world.Commit();

        Assert.Empty(world.Told);
        Assert.Equal("7:40", world.Store.States[ToyMachine.Toy("a")].StateJson);
    }

    [Fact]
    public void A_refused_machine_comes_back_by_itself()
    {
        world.Turn(("a", "count"));
        world.Store.Put("a", incarnation: 7, counter: 40);
        world.Commit();
        world.Log.Clear();

        world.Wait(50);
        Assert.Equal(["a activated 8:40"], world.Log);
    }

    [Fact]
    public void The_other_grains_of_a_refused_batch_are_stored()
    {
        world.Turn(("a", "count"), ("b", "count"));
        world.Store.Put("a", incarnation: 7, counter: 40);
        world.Commit();
        world.Commit();

        Assert.Equal(["1 refused", "1 stored"], world.Store.Tries);
        Assert.Equal(["b is 1"], world.Told);
    }

    [Fact]
    public void While_storage_is_away_outputs_wait_and_turns_go_on()
    {
        world.Store.Away = true;
        world.Turn(("a", "count"));
        world.Commit();
        world.Turn(("a", "count"), ("b", "say hello"));
        Assert.Equal(["hello"], world.Told);
        Assert.True(world.Core.StorageAway);

        world.Store.Away = false;
        world.Wait(50);
        world.Commit();
        world.Commit();
        Assert.Equal(["hello", "a is 1", "a is 2"], world.Told);
        Assert.False(world.Core.StorageAway);
    }

    [Fact]
    public void Tries_to_reach_storage_come_at_doubled_delays_up_to_the_largest()
    {
        world.Store.Away = true;
        world.Turn(("a", "count"));
        var delays = new List<double>();
        for (var attempt = 0; attempt < 8; attempt++)
        {
            world.Commit();
            delays.Add((world.Core.NextWake!.Value - world.Now).TotalMilliseconds);
            world.Wait(delays[^1]);
        }

        Assert.Equal([50, 100, 200, 400, 800, 1600, 2000, 2000], delays);
    }

    [Fact]
    public void A_commit_whose_acknowledgement_was_lost_is_recognised_and_not_stored_twice()
    {
        world.Store.LoseNextAcknowledgement = true;
        world.Turn(("a", "count"), ("a", "event once"));
        world.Commit();
        Assert.Empty(world.Told);

        world.Wait(50);
        world.Commit();
        Assert.Equal(["1 stored, acknowledgement lost", "1 known"], world.Store.Tries);
        Assert.Equal(["once"], world.Store.Events);
        Assert.Equal(["a is 1", "once"], world.Told);
    }

    [Fact]
    public void A_message_for_a_grain_that_cannot_be_loaded_is_kept_until_it_can()
    {
        world.Store.Put("a", incarnation: 3, counter: 5);
        world.Core.Start();
        world.Store.Away = true;
        world.Turn(("a", "say one"), ("a", "say two"));
        Assert.Empty(world.Log);

        world.Store.Away = false;
        world.Wait(50);
        Assert.Equal(["a activated 4:5", "a say one", "a say two"], world.Log);
    }

    [Fact]
    public void When_too_much_waits_for_storage_messages_wait_instead()
    {
        var small = new ToyWorld(options => options with { MaxWaitingOutputs = 4 });
        small.Store.Away = true;
        small.Turn(("a", "count"), ("a", "count"), ("a", "count"));
        Assert.Equal(["a activated 1:0", "a count", "a count"], small.Log);
        small.Commit();

        small.Store.Away = false;
        small.Wait(50);
        small.Commit();
        small.Commit();
        Assert.Equal(["a is 1", "a is 2", "a is 3"], small.Told);
    }
}
