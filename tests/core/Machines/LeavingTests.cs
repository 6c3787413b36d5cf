using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>A worker that was asked to end takes nothing with it that its job may need, member or not.</summary>
public sealed class LeavingTests
{
    private static readonly GpuId First = JobAlone.Gpu(1);
    private static readonly GpuId Second = JobAlone.Gpu(2);

    [Fact]
    public void A_process_that_was_asked_to_end_hears_that_it_may_once_a_generation_without_it_has_applied_a_step()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(1, 2);
        job.WantsToEnd(2);
        Assert.Equal(2, job.Generation);
        Assert.False(Assert.IsType<ReleaseRank>(job.Newest[Second]).Forget);

        // It is released, asks again, and is neither let go nor taken for a newcomer while the generation without it has not run.
        job.IsReleased(2);
        job.Offer((1, 0), (2, 0));
        job.WantsToEnd(2);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.False(Assert.IsType<ReleaseRank>(job.Newest[Second]).Forget);
        Assert.Equal(2, job.Generation);
        job.Answers(1, 1);
        Assert.False(Assert.IsType<ReleaseRank>(job.Newest[Second]).Forget);

        job.Advances(1, 2);
        Assert.True(Assert.IsType<ReleaseRank>(job.Newest[Second]).Forget);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, job.Generation);
    }

    [Fact]
    public void A_process_that_was_asked_to_end_and_left_out_is_called_back_where_nobody_else_has_the_state()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(1, 2);
        job.WantsToEnd(2);
        job.IsReleased(2);

        // The only other member is replaced before the generation without the leaver has run: the state is gone but for the leaver's.
        job.Restarts(1, life: 1);
        job.Offer((1, 1), (2, 0));
        job.WantsToEnd(2);
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.IsType<PrepareRank>(job.Newest[Second]);
        job.Answers(1, null, life: 1);
        job.Answers(2, 1);
        Assert.Equal(CatchUp.None, Assert.IsType<RankPlan>(job.Newest[Second]).CatchUp);
        Assert.Equal(CatchUp.FetchState, Assert.IsType<RankPlan>(job.Newest[First]).CatchUp);

        // It hands the state on, and goes as any member does that wants to: without saying so again.
        job.Advances(1, 2, life: 1);
        job.Advances(2, 2);
        Assert.False(Assert.IsType<ReleaseRank>(job.Newest[Second]).Forget);
        job.Records(2, 2);
        job.Answers(1, 2, life: 1);
        job.Advances(1, 3, life: 1);
        Assert.True(Assert.IsType<ReleaseRank>(job.Newest[Second]).Forget);
    }

    [Fact]
    public void A_process_that_was_left_out_and_then_asked_to_end_stays_while_the_state_may_be_its_alone()
    {
        var job = new JobAlone(ranks: 2, minRanks: 2);
        job.Train(1, 2);
        job.Says(2, new RankFaulted { Job = JobAlone.Job, Generation = 1, Gpu = Second, Detail = "left out" });
        job.IsReleased(2);
        job.Restarts(1, life: 1);
        job.WantsToEnd(2);
        job.Advance(TimeSpan.FromSeconds(3));
        Assert.False(Assert.IsType<ReleaseRank>(job.Newest[Second]).Forget);
        job.Offer((1, 1), (2, 0));
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.IsType<PrepareRank>(job.Newest[Second]);
    }

    [Fact]
    public void A_process_may_end_where_too_few_are_left_but_they_hold_the_state()
    {
        var job = new JobAlone(ranks: 2, minRanks: 2);
        job.Train(1, 2);
        job.WantsToEnd(2);
        Assert.True(Assert.IsType<ReleaseRank>(job.Newest[Second]).Forget);
    }

    [Fact]
    public void Where_too_few_are_left_others_that_are_to_end_may_as_well_but_the_last()
    {
        var third = JobAlone.Gpu(3);
        var job = new JobAlone(ranks: 3, minRanks: 3);
        job.Train(1, 2, 3);
        job.WantsToEnd(3);
        job.WantsToEnd(2);
        job.WantsToEnd(1);
        Assert.True(Assert.IsType<ReleaseRank>(job.Newest[third]).Forget);
        Assert.True(Assert.IsType<ReleaseRank>(job.Newest[Second]).Forget);
        Assert.IsNotType<ReleaseRank>(job.Newest[First]);

        // Two come, which makes three with the last one; it hands the state on, and is let go.
        job.Restarts(2, life: 1);
        job.Restarts(3, life: 1);
        job.Offer((1, 0), (2, 1), (3, 1));
        job.Advance(TimeSpan.FromSeconds(1));
        job.Answers(1, 1);
        job.Answers(2, null, life: 1);
        job.Answers(3, null, life: 1);
        job.Advances(1, 2);
        job.Advances(2, 2, life: 1);
        job.Advances(3, 2, life: 1);
        Assert.True(Assert.IsType<ReleaseRank>(job.Newest[First]).Forget);
    }

    [Fact]
    public void A_gpu_that_is_to_leave_and_is_no_member_leaves_nothing_and_may_come_later()
    {
        var job = new JobAlone(ranks: 3, minRanks: 1);
        job.Train(1, 2, 3);
        job.Restarts(3, life: 1);
        job.Answers(1, 1);
        job.Answers(2, 1);
        job.Advances(1, 2);
        job.Advances(2, 2);
        job.IsWithdrawn(3);
        Assert.DoesNotContain(EventKinds.RankLeaving, job.Events);

        job.Offer((1, 0), (2, 0), (3, 1));
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Contains(JobAlone.Gpu(3), job.View.Members.Select(member => member.Gpu));
    }

    [Fact]
    public void A_gpu_that_is_to_leave_does_not_leave_a_job_that_is_over()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(1, 2);
        job.Cancel();
        job.IsWithdrawn(2);
        Assert.DoesNotContain(EventKinds.RankLeaving, job.Events);
    }

    [Fact]
    public void The_word_of_an_earlier_process_is_not_its_successors()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(1, 2);
        job.Restarts(2, life: 1);
        job.Answers(1, 1);
        job.WantsToEnd(2);
        job.Offer((1, 0), (2, 1));
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(3, job.Generation);
        Assert.IsType<PrepareRank>(job.Newest[Second]);
    }

    [Fact]
    public void The_word_of_an_earlier_process_does_not_take_the_place_of_its_successors()
    {
        var job = new JobAlone(ranks: 2, minRanks: 1);
        job.Train(1, 2);
        job.Restarts(2, life: 1);
        job.Answers(1, 1);
        job.WantsToEnd(2, life: 1);
        job.WantsToEnd(2);
        job.Offer((1, 0), (2, 1));
        job.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, job.Generation);
    }

    [Fact]
    public void The_only_rank_of_a_job_of_one_hands_the_state_on_before_it_goes()
    {
        var job = new JobAlone(ranks: 1, minRanks: 1);
        job.Train(1);
        job.WantsToEnd(1);
        Assert.Equal(1, job.Generation);
        Assert.Equal(2, job.Wanted);

        job.Offer((1, 0), (2, 0));
        job.Advance(TimeSpan.FromSeconds(1));
        job.Answers(1, 1);
        job.Answers(2, null);
        Assert.Equal(CatchUp.FetchState, Assert.IsType<RankPlan>(job.Newest[Second]).CatchUp);
        job.Advances(1, 2);
        job.Advances(2, 2);
        Assert.False(Assert.IsType<ReleaseRank>(job.Newest[First]).Forget);
        Assert.Equal(1, job.Wanted);
        job.Records(2, 2);
        job.Answers(2, 2);
        job.Advances(2, 3);
        Assert.True(Assert.IsType<ReleaseRank>(job.Newest[First]).Forget);
    }

    [Fact]
    public void A_released_rank_whose_worker_is_to_end_says_so_until_its_state_is_of_no_more_use()
    {
        var members = Membership.None(JobAlone.Job).Apply(1, [], [new Member(First, "127.0.0.1:7000", 5)]);
        var rank = new RankMachine(new RankOptions
        {
            Job = JobAlone.Job,
            Gpu = First,
            Boot = 5,
            Shards = 4,
            Steps = 20,
            ReducedBlocks = 1,
            StateBlocks = 1,
            WindowBlocks = 1,
        });
        var outputs = new List<RankOutput>();
        Order(0, new PrepareRank { Job = JobAlone.Job, Incarnation = 1, Timeline = 0, Generation = 1, Gpu = First });
        Order(0, new ReleaseRank { Job = JobAlone.Job, Incarnation = 1, Timeline = 0, Generation = 2, Gpu = First });
        Assert.True(rank.MayEnd);

        members = members.Apply(3, [], []);
        Order(0, new PrepareRank { Job = JobAlone.Job, Incarnation = 1, Timeline = 0, Generation = 3, Gpu = First });
        Order(0, new RankPlan
        {
            Job = JobAlone.Job,
            Incarnation = 1,
            Timeline = 0,
            Generation = 3,
            Gpu = First,
            Rank = 0,
            FirstStep = 1,
            CatchUp = CatchUp.Initialize,
            FirstStepShards = [new ShardRun(0, 0, 4)],
        });
        rank.Handle(TimeSpan.Zero, new StateInitialized(outputs.OfType<InitializeState>().Last().Ticket), outputs);
        rank.Handle(TimeSpan.Zero, new LeaveRequested("asked to end"), outputs);
        Order(1, new ReleaseRank { Job = JobAlone.Job, Incarnation = 1, Timeline = 0, Generation = 4, Gpu = First });
        Assert.False(rank.MayEnd);
        Assert.True(rank.NextDeadline <= TimeSpan.FromSeconds(1));

        outputs.Clear();
        rank.Handle(TimeSpan.FromSeconds(1), new RankDeadlinePassed(), outputs);
        var said = Assert.IsType<RankLeaving>(Assert.IsType<TellJob>(Assert.Single(outputs)).Message);
        Assert.Equal((4L, "asked to end"), (said.Generation, said.Reason));
        Assert.NotNull(rank.NextDeadline);

        Order(2, new ReleaseRank { Job = JobAlone.Job, Incarnation = 1, Timeline = 0, Generation = 5, Gpu = First, Forget = true });
        Assert.True(rank.MayEnd);
        Assert.Null(rank.NextDeadline);

        void Order(int second, RankOrder order) => rank.Handle(TimeSpan.FromSeconds(second), new OrderArrived(order, members), outputs);
    }
}
