using Coordinator.Machines;

namespace Coordinator.Tests.Machines.Ranks;

/// <summary>The small parts of a step: tags, queue, gathers, the final hash and the known record.</summary>
public sealed class StepPartsTests
{
    [Fact]
    public void Tags_are_whole_when_all_blocks_are_of_the_step_and_told_as_runs()
    {
        var tags = new ReducedTags(4);
        Assert.Empty(tags.Runs());
        for (var block = 0; block < 4; block++)
            tags[block] = block < 3 ? 5 : 4;
        Assert.False(tags.IsWhole(5));
        Assert.Equal([new TagRun(0, 3, 5), new TagRun(3, 1, 4)], tags.Runs());
        tags.Forget(5);
        Assert.Equal([new TagRun(0, 3, 0), new TagRun(3, 1, 4)], tags.Runs());
        tags[3] = 0;
        Assert.True(tags.IsWhole(0));
    }

    [Fact]
    public void A_shard_leaves_the_queue_when_it_is_kept_and_one_under_way_goes_to_its_head()
    {
        var queue = new ShardQueue();
        queue.Begin(of: 7, [new ShardSpan(0, 4)], isHeld: shard => shard == 1);
        Assert.True(queue.MoveToHead(3));
        Assert.False(queue.MoveToHead(1));
        Assert.Equal([3, 0, 2], Drain(queue));
        Assert.Equal([new ShardSpan(0, 4)], queue.AssignedFor(7));
        Assert.Empty(queue.AssignedFor(8));
        queue.Forget();
        Assert.Empty(queue.AssignedFor(7));
    }

    [Fact]
    public void Payloads_of_steps_that_are_over_are_given_back_once()
    {
        var turns = new RankTurns(ranks: 2);
        var gathers = new StepGathers(turns.Context);
        var cut = ShardCut.Of(8, 2);
        var theirs = cut.CoverOf(1)[0];
        Assert.True(gathers.Of(5, cut).Add(0, theirs, payload: 11));
        Assert.True(gathers.Of(6, cut).Add(1, theirs, payload: 12));
        gathers.ReleaseBefore(6);
        Assert.Equal([new ReleasePayload(11)], turns.Outputs);
        gathers.Release();
        gathers.Release();
        Assert.Equal([new ReleasePayload(11), new ReleasePayload(12)], turns.Outputs);
    }

    [Fact]
    public void A_hash_counts_for_the_step_that_it_was_asked_for_and_until_the_state_is_another()
    {
        var hash = new StateHash();
        Assert.True(hash.Begin(step: 9, isHashing: false));
        Assert.False(hash.Begin(step: 9, isHashing: true));
        Assert.False(hash.End(step: 10, new StateHashed(1, "ten", Nonfinite: 1)));
        Assert.True(hash.End(step: 9, new StateHashed(1, "nine", Nonfinite: 3)));
        Assert.Equal(("nine", 3), (hash.Value, hash.Nonfinite));
        hash.Clear();
        Assert.Null(hash.Value);
    }

    [Fact]
    public void What_is_recorded_of_another_timeline_than_the_states_is_not_taken()
    {
        var record = new KnownRecord();
        record.Note(of: 0, through: 9, held: 0);
        record.Note(of: 0, through: 4, held: 0);
        record.Note(of: 1, through: 3, held: 0);
        Assert.Equal((9, 0), (record.Of(0), record.Of(1)));
        record.Note(of: 1, through: 3, held: null);
        record.Note(of: 0, through: 20, held: null);
        Assert.Equal((0, 3), (record.Of(0), record.Of(1)));
    }

    private static IEnumerable<int> Drain(ShardQueue queue)
    {
        for (; queue.TryPeek(out var shard); queue.Dequeue())
            yield return shard;
    }
}
