using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>
/// However a rank's work ends, by a fault, a release, a discard or a new generation, nothing of it is left: the next question is answered,
/// and an answer of the device that comes late is not taken for that to later work.
/// </summary>
public sealed class RankDeviceWorkTests
{
    private static readonly CheckpointRef Saved = new(new CheckpointId(0, 12, 1), new string('a', 64), 10, 1);

    private readonly RankAlone rank = new();

    [Theory]
    [InlineData("initialising")]
    [InlineData("loading")]
    [InlineData("computing")]
    [InlineData("applying")]
    public void A_rank_that_was_released_and_whose_device_then_fails_answers_the_next_question(string work)
    {
        Begin(work);
        rank.Release(2);
        Fail();
        Assert.Equal("idle", rank.Machine.Activity);
        rank.Prepare(3);
        Assert.False(rank.AnswerTo(3)!.HasState);
    }

    [Theory]
    [InlineData("initialising")]
    [InlineData("loading")]
    [InlineData("computing")]
    [InlineData("applying")]
    public void A_rank_whose_device_fails_under_its_plan_answers_the_next_question(string work)
    {
        Begin(work);
        Fail();
        Assert.Contains(rank.Said, message => message is RankFaulted { Generation: 1 });
        rank.Prepare(2);
        Assert.False(rank.AnswerTo(2)!.HasState);
    }

    [Theory]
    [InlineData("initialising")]
    [InlineData("loading")]
    public void A_rank_that_was_released_while_its_device_worked_answers_no_question_that_nobody_asked(string work)
    {
        Begin(work);
        rank.Release(2);
        if (work == "loading")
            rank.Loaded(null);
        else
            rank.Initialized();
        Assert.Equal([1L], rank.Said.OfType<RankState>().Select(answer => answer.Generation));
    }

    [Fact]
    public void A_fault_names_the_step_at_which_the_device_failed()
    {
        rank.TrainTo(3);
        rank.Hand(new DeviceFailed("lost"));
        Assert.Contains(rank.Said, message => message is RankFaulted { Generation: 1, Step: 4 });
    }

    [Theory]
    [InlineData("initialising")]
    [InlineData("loading")]
    [InlineData("applying")]
    public void A_rank_whose_device_fails_while_it_owes_an_answer_reports_the_fault_and_answers_the_next_question(string work)
    {
        Begin(work);
        rank.Prepare(2);
        Assert.Null(rank.AnswerTo(2));
        Fail();
        Assert.Contains(rank.Said, message => message is RankFaulted { Generation: 2 });
        Late(work);
        Assert.Null(rank.AnswerTo(2));
        rank.Prepare(3);
        Assert.False(rank.AnswerTo(3)!.HasState);
    }

    [Theory]
    [InlineData("initialising", -1)]
    [InlineData("loading", -1)]
    [InlineData("applying", -1)]
    [InlineData("initialising", 0)]
    [InlineData("applying", 0)]
    public void What_was_ended_by_a_fault_and_is_answered_late_is_not_taken_for_what_was_begun_after_it(string work, long standsAt)
    {
        Begin(work);
        var outdated = LateAnswer(work);
        Fail();
        rank.Prepare(2);
        rank.Plan(2, CatchUp.Initialize, 1);
        if (standsAt >= 0)
            rank.Initialized();
        var asked = rank.Done.Count;
        rank.Hand(outdated);
        Assert.Equal(standsAt, rank.Machine.Applied);
        Assert.Equal(asked, rank.Done.Count);
        if (standsAt < 0)
            rank.Initialized();
        Assert.Equal(0, rank.Machine.Applied);
        rank.ComputeStep();
        rank.Hand(outdated);
        Assert.Equal(0, rank.Machine.Applied);
        rank.Applied();
        Assert.Equal(1, rank.Machine.Applied);
    }

    [Theory]
    [InlineData("initialising")]
    [InlineData("loading")]
    [InlineData("applying")]
    public void A_state_that_is_forgotten_while_it_is_written_is_none_and_the_answer_waits_for_the_device(string work)
    {
        Begin(work);
        rank.Release(2, forget: true);
        Assert.True(rank.Machine.MayEnd);
        rank.Prepare(3);
        Assert.Null(rank.AnswerTo(3));
        Late(work);
        Assert.False(rank.AnswerTo(3)!.HasState);
        Assert.Empty(rank.AnswerTo(3)!.Held);
        Assert.Empty(rank.AnswerTo(3)!.Reduced);
    }

    [Theory]
    [InlineData("initialising", 0)]
    [InlineData("loading", 12)]
    [InlineData("applying", 1)]
    public void A_state_that_is_written_to_its_end_after_a_release_is_kept_and_offered(string work, long step)
    {
        Begin(work);
        rank.Release(2);
        Late(work);
        rank.Prepare(3);
        Assert.Equal((true, step), (rank.AnswerTo(3)!.HasState, rank.AnswerTo(3)!.Applied));
    }

    [Fact]
    public void A_gradient_that_waits_for_its_plan_is_given_back_when_the_device_fails()
    {
        Begin("computing");
        rank.Prepare(2);
        rank.Hand(new ShardComputed(rank.Last<ComputeShard>().Ticket));
        Fail();
        Assert.IsType<CancelComputing>(rank.Done.Last(output => output is CancelComputing or KeepGradient));
    }

    [Fact]
    public void A_hash_that_was_asked_for_before_the_device_failed_is_no_hash_of_the_state_that_came_after()
    {
        var last = new RankAlone(steps: 2);
        last.TrainTo(2);
        var hash = last.Last<HashState>().Ticket;
        last.Hand(new DeviceFailed("ecc"));
        last.Others = 1;
        last.Prepare(2);
        last.Plan(2, CatchUp.FetchState, 3);
        last.BlockArrives(0, 2, timeline: 0);
        last.BlockArrives(1, 2, timeline: 0);
        Assert.Equal(2, last.Machine.Applied);
        last.Hand(new StateHashed(hash, "garbage"));
        Assert.DoesNotContain(last.Said, message => message is RankFinished);
        last.Hand(new StateHashed(last.Last<HashState>().Ticket, "right"));
        Assert.Contains(last.Said, message => message is RankFinished { StateSha256: "right" });
    }

    [Fact]
    public void A_slice_that_was_being_written_when_the_device_failed_is_not_called_saved_and_the_next_one_is()
    {
        var id = new CheckpointId(0, 1, 1);
        rank.TrainTo(1);
        rank.Hand(new SaveOrdered(new SaveCheckpoint(RankAlone.Job, 1, id)));
        Fail();
        rank.Hand(new StateSaved(id, new CheckpointPart("part", 20, "00", 0, 2), 1, 2, null));
        Assert.DoesNotContain(rank.Said, message => message is CheckpointPartSaved);
        rank.Prepare(2);
        rank.Plan(2, CatchUp.Initialize, 1);
        rank.Initialized();
        rank.Hand(new SaveOrdered(new SaveCheckpoint(RankAlone.Job, 1, new CheckpointId(0, 1, 2))));
        rank.ComputeStep();
        rank.Applied();
        rank.Hand(new StateSaved(new CheckpointId(0, 1, 2), new CheckpointPart("part", 20, "00", 0, 2), 1, 2, null));
        Assert.Contains(rank.Said, message => message is CheckpointPartSaved { Checkpoint.Generation: 2 });
    }

    [Fact]
    public void A_rank_whose_device_fails_gives_back_what_came_for_it()
    {
        var two = new RankAlone { Others = 1 };
        two.Prepare(1);
        two.BlockArrives(0, step: 0, timeline: 0);
        two.BlockArrives(1, step: 0, timeline: 0);
        Assert.Empty(two.Done.OfType<ReleasePayload>());
        two.Hand(new DeviceFailed("ecc"));
        Assert.Equal([1L, 2L], two.Done.OfType<ReleasePayload>().Select(release => release.Payload));
    }

    private void Begin(string work)
    {
        rank.Prepare(1);
        rank.Plan(
            1,
            work == "loading" ? CatchUp.LoadCheckpoint : CatchUp.Initialize,
            work == "loading" ? 13 : 1,
            checkpoint: work == "loading" ? Saved : null);
        if (work is "initialising" or "loading")
            return;
        rank.Initialized();
        if (work == "applying")
            rank.ComputeStep();
    }

    private RankInput LateAnswer(string work) => work switch
    {
        "initialising" => new StateInitialized(rank.Last<InitializeState>().Ticket),
        "loading" => new StateLoaded(rank.Last<LoadState>().Ticket, null),
        _ => new StepFinished(rank.Last<ApplyStep>().Ticket, rank.Last<ApplyStep>().Step),
    };

    private void Late(string work) => rank.Hand(LateAnswer(work));

    private void Fail() => rank.Hand(new DeviceFailed("ecc"));
}
