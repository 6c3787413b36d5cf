using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>Work of a device ends once, by its own answer or by one of the ways to end it, and no other answer is taken for it.</summary>
public sealed class DeviceWorkTests
{
    private readonly DeviceWork work = new();

    [Fact]
    public void A_task_ends_by_the_answer_to_its_own_ticket_and_only_once()
    {
        var ticket = work.BeginWriting(StateTask.Applying);
        Assert.True(work.IsApplying);
        Assert.Equal(WorkEnd.Stale, work.EndWriting(ticket + 1));
        Assert.True(work.IsWriting);
        Assert.Equal(WorkEnd.Done, work.EndWriting(ticket));
        Assert.False(work.IsWriting);
        Assert.Equal(WorkEnd.Stale, work.EndWriting(ticket));
        Assert.Equal(WorkEnd.Stale, work.EndWriting(0));
    }

    [Fact]
    public void A_discarded_state_is_written_to_its_end_and_comes_to_nothing_and_the_next_is_not_discarded()
    {
        var first = work.BeginWriting(StateTask.Loading);
        work.Discard();
        Assert.True(work.IsWriting);
        Assert.Equal(WorkEnd.Discarded, work.EndWriting(first));
        var second = work.BeginWriting(StateTask.Initialising);
        Assert.Equal(WorkEnd.Done, work.EndWriting(second));
        work.Discard();
        Assert.Equal(WorkEnd.Done, work.EndWriting(work.BeginWriting(StateTask.Applying)));
    }

    [Fact]
    public void After_a_failure_nothing_is_under_way_and_every_earlier_answer_is_stale()
    {
        var shard = work.BeginComputing(3);
        var state = work.BeginWriting(StateTask.Applying);
        var hash = work.BeginHashing();
        work.Discard();
        work.Fail();
        Assert.False(work.IsComputing || work.IsWriting || work.IsHashing || work.HasGradient);
        Assert.False(work.TakeGradient(shard));
        Assert.Equal(WorkEnd.Stale, work.EndWriting(state));
        Assert.False(work.EndHashing(hash));
        var next = work.BeginWriting(StateTask.Applying);
        Assert.Equal(WorkEnd.Stale, work.EndWriting(state));
        Assert.Equal(WorkEnd.Done, work.EndWriting(next));
    }

    [Fact]
    public void A_gradient_is_kept_once_and_a_cancelled_one_never()
    {
        var first = work.BeginComputing(1);
        Assert.False(work.HasGradient);
        Assert.True(work.TakeGradient(first));
        Assert.True(work.HasGradient);
        Assert.Equal(first, work.KeepGradient());
        Assert.False(work.IsComputing);
        Assert.Throws<InvalidOperationException>(() => work.KeepGradient());

        var second = work.BeginComputing(2);
        Assert.True(work.CancelComputing());
        Assert.False(work.CancelComputing());
        Assert.False(work.TakeGradient(second));
        work.BeginComputing(2);
        Assert.False(work.HasGradient);
    }

    [Fact]
    public void Two_things_of_a_kind_are_never_under_way()
    {
        work.BeginComputing(1);
        Assert.Throws<InvalidOperationException>(() => work.BeginComputing(2));
        work.BeginWriting(StateTask.Initialising);
        Assert.Throws<InvalidOperationException>(() => work.BeginWriting(StateTask.Loading));
    }

    [Fact]
    public void A_hash_of_a_state_that_was_given_up_or_asked_for_anew_is_of_no_account()
    {
        var first = work.BeginHashing();
        work.Discard();
        Assert.False(work.EndHashing(first));
        var second = work.BeginHashing();
        Assert.False(work.EndHashing(first));
        Assert.True(work.EndHashing(second));
        Assert.False(work.EndHashing(second));
    }
}
