using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>
/// A rank gives its state up only for one that is there: a checkpoint that was verified, or the first block from a donor that has it.
/// </summary>
public sealed class RankKeepsStateTests
{
    private static readonly CheckpointRef Saved = new(new CheckpointId(0, 12, 1), new string('a', 64), 10, 1);

    private readonly RankAlone rank = new();

    [Fact]
    public void A_rank_whose_donor_sends_nothing_still_has_its_state_and_one_that_got_a_block_has_none()
    {
        Train();
        FetchOnNewTimeline(2);
        rank.Prepare(3, timeline: 1);
        AssertHolds(3, step: 3, timeline: 0);
        FetchOnNewTimeline(3);
        rank.BlockArrives(0, 12, timeline: 1);
        rank.Prepare(4, timeline: 1);
        Assert.False(rank.AnswerTo(4)!.HasState);
    }

    [Fact]
    public void A_state_that_was_fetched_whole_takes_the_place_of_the_kept_one_on_the_plans_timeline()
    {
        Train();
        FetchOnNewTimeline(2);
        rank.BlockArrives(0, 12, timeline: 1);
        rank.BlockArrives(1, 12, timeline: 1);
        rank.Prepare(3, timeline: 1);
        AssertHolds(3, step: 12, timeline: 1);
    }

    [Fact]
    public void A_rank_with_a_state_has_the_checkpoint_verified_before_anything_of_it_is_overwritten_and_keeps_it_where_that_fails()
    {
        Train();
        LoadOnNewTimeline(2);
        Assert.True(rank.Last<LoadState>().VerifyFirst);
        rank.Hand(new StateLoaded(rank.Last<LoadState>().Ticket, "damaged", IsStateTouched: false));
        Assert.Contains(rank.Said, message => message is CheckpointUnreadable { Generation: 2, Checkpoint.Step: 12 });
        rank.Prepare(3, timeline: 1);
        AssertHolds(3, step: 3, timeline: 0);
    }

    [Fact]
    public void A_rank_whose_state_was_overwritten_by_a_checkpoint_that_then_failed_has_none()
    {
        Train();
        LoadOnNewTimeline(2);
        rank.Hand(new StateLoaded(rank.Last<LoadState>().Ticket, "damaged", IsStateTouched: true));
        rank.Prepare(3, timeline: 1);
        Assert.False(rank.AnswerTo(3)!.HasState);
    }

    [Fact]
    public void A_loaded_checkpoint_takes_the_place_of_the_kept_state_also_where_the_rank_was_released_meanwhile()
    {
        Train();
        LoadOnNewTimeline(2);
        rank.Release(3);
        rank.Loaded(null);
        rank.Prepare(4, timeline: 1);
        AssertHolds(4, step: 12, timeline: 1);
    }

    [Fact]
    public void A_rank_without_state_needs_no_checkpoint_verified_before_it_is_read()
    {
        rank.Prepare(1, timeline: 1);
        rank.Plan(1, CatchUp.LoadCheckpoint, 13, timeline: 1, checkpoint: Saved);
        Assert.False(rank.Last<LoadState>().VerifyFirst);
    }

    [Fact]
    public void A_rank_that_is_asked_while_it_loads_in_vain_says_so_before_its_answer()
    {
        rank.Prepare(1, timeline: 1);
        rank.Plan(1, CatchUp.LoadCheckpoint, 13, timeline: 1, checkpoint: Saved);
        rank.Prepare(2, timeline: 1);
        rank.Loaded("damaged");
        Assert.Collection(rank.Said.TakeLast(2),
            said => Assert.Equal(
                (2L, 12L), (Assert.IsType<CheckpointUnreadable>(said).Generation, ((CheckpointUnreadable)said).Checkpoint.Step)),
            said => Assert.False(Assert.IsType<RankState>(said).HasState));
    }

    [Fact]
    public void A_rank_that_cuts_its_load_short_for_its_answer_says_nothing_against_the_checkpoint()
    {
        rank.Prepare(1, timeline: 1);
        rank.Plan(1, CatchUp.LoadCheckpoint, 13, timeline: 1, checkpoint: Saved);
        rank.Prepare(2, timeline: 1);
        rank.Hand(new StateLoaded(
            rank.Last<LoadState>().Ticket, "its storage did not answer within 2 s", IsStateTouched: false, IsGivenUp: true));
        Assert.DoesNotContain(rank.Said, said => said is CheckpointUnreadable);
        Assert.False(rank.AnswerTo(2)!.HasState);
    }

    [Fact]
    public void A_state_that_the_plan_goes_on_from_is_of_the_plans_timeline_and_is_computed_on_at_once()
    {
        Train();
        rank.Prepare(2, timeline: 1);
        rank.Plan(2, CatchUp.None, 4, timeline: 2, stateTimeline: 0);
        Assert.Equal(4, rank.Last<ComputeShard>().Step);
        rank.Prepare(3, timeline: 2);
        AssertHolds(3, step: 3, timeline: 2);
        Assert.Equal(3, rank.AnswerTo(3)!.RecordedThrough);
    }

    [Fact]
    public void A_state_of_another_timeline_than_the_plan_goes_on_from_is_not_computed_on()
    {
        Train();
        rank.Prepare(2, timeline: 1);
        var before = rank.Done.Count;
        rank.Plan(2, CatchUp.None, 4, timeline: 1);
        Assert.DoesNotContain(rank.Done.Skip(before), output => output is ComputeShard);
        Assert.Contains(rank.Said, message => message is RankFaulted { Generation: 2 });
    }

    [Fact]
    public void What_is_recorded_of_a_newer_timeline_makes_a_rank_forget_nothing_of_its_own()
    {
        Train();
        rank.Hand(new RecordsTaken(0, 2));
        rank.Prepare(2, timeline: 1, recorded: 1);
        AssertHolds(2, step: 3, timeline: 0);
        Assert.Equal(2, rank.AnswerTo(2)!.RecordedThrough);
    }

    private void Train()
    {
        rank.TrainTo(3);
        rank.Others = 1;
    }

    private void FetchOnNewTimeline(long generation)
    {
        if (rank.Machine.Generation < generation)
            rank.Prepare(generation, timeline: 1);
        rank.Plan(generation, CatchUp.FetchState, 13, timeline: 1);
    }

    private void LoadOnNewTimeline(long generation)
    {
        rank.Prepare(generation, timeline: 1);
        rank.Plan(generation, CatchUp.LoadCheckpoint, 13, timeline: 1, checkpoint: Saved);
    }

    private void AssertHolds(long generation, long step, int timeline)
    {
        var answer = rank.AnswerTo(generation)!;
        Assert.Equal((true, step, timeline), (answer.HasState, answer.Applied, answer.Timeline));
    }
}
