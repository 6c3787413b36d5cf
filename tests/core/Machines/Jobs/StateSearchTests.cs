using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Parts;
using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Tests.Machines.Jobs;

/// <summary>
/// The latest state is waited for as long as somebody may have it; then the job goes back, and it fails only where there is nothing to go
/// back to.
/// </summary>
public sealed class StateSearchTests
{
    private static readonly CheckpointRef Checkpoint = new(new CheckpointId(0, 5, 1), new string('a', 64), 10, 1);

    [Fact]
    public void A_state_that_members_hold_is_chosen_at_once()
    {
        var (_, search) = Search();
        Assert.Equal(StateSource.Present, search.Choose([JobTurns.Answer(1, 9), JobTurns.Answer(2, null)]).Source);
        Assert.False(search.IsLost);
    }

    [Fact]
    public void Without_it_the_job_waits_before_it_goes_back_to_a_checkpoint()
    {
        var (turns, search) = Search(
            state => state with { Checkpoints = [Checkpoint], Holders = [new WorkerProcess(JobTurns.Node(9), 1)] });
        RankState[] answers = [JobTurns.Answer(1, null), JobTurns.Answer(2, null)];
        Assert.Equal(StateSource.Nowhere, search.Choose(answers).Source);
        Assert.True(search.IsLost);
        turns.Begin(turns.Context.State.Spec.Checkpoint.RestoreAfter);
        Assert.Equal(StateSource.Checkpoint, search.Choose(answers).Source);
    }

    [Fact]
    public void It_goes_back_at_once_where_those_that_held_the_state_are_proved_gone()
    {
        var (turns, search) = Search(
            state => state with { Checkpoints = [Checkpoint], Holders = [new WorkerProcess(JobTurns.Node(9), 1)] });
        turns.Connect(9, boot: 2);
        Assert.Equal(StateSource.Checkpoint, search.Choose([JobTurns.Answer(1, null), JobTurns.Answer(2, null)]).Source);
    }

    [Fact]
    public void A_checkpoint_is_lost_only_where_no_member_can_read_it()
    {
        var (_, search) = Search(state => state with { Checkpoints = [Checkpoint] });
        Assert.True(search.AddUnreadable(Checkpoint.Id, JobTurns.MemberOn(1)));
        Assert.Equal(Checkpoint, search.NewestReadable);
        Assert.False(search.MayRead(Checkpoint.Id, new WorkerProcess(JobTurns.Node(1), 5)));
        Assert.False(search.AddUnreadable(Checkpoint.Id, JobTurns.MemberOn(2)));
        Assert.Null(search.NewestReadable);
    }

    [Fact]
    public void What_was_removed_is_tried_only_where_a_pause_has_not_brought_the_jobs_own_checkpoints_back()
    {
        CheckpointRef Saved(long step) => Checkpoint with { Id = new CheckpointId(0, step, 1) };
        var (turns, search) = Search(state => state with
        {
            Checkpoints = [Saved(7), Saved(8)],
            Removed = [Saved(5), Saved(6)],
            Holders = [new WorkerProcess(JobTurns.Node(9), 1)],
        });
        turns.Connect(9, boot: 2);
        RankState[] answers = [JobTurns.Answer(1, null), JobTurns.Answer(2, null)];
        Assert.Equal([8, 7, null], Tried());
        turns.Begin(turns.Context.State.Spec.Checkpoint.RestoreAfter + TimeSpan.FromSeconds(1));
        Assert.Equal([8, 7, 6, 5, null], Tried());

        // What a job goes on from is looked for anew the next time.
        search.NoteFound();
        Assert.Null(search.NewestReadable);

        long?[] Tried()
        {
            List<long?> tried = [];
            while (true)
            {
                var source = search.Choose(answers).Source;
                tried.Add(source == StateSource.Checkpoint ? search.NewestReadable!.Id.Step : null);
                if (source != StateSource.Checkpoint)
                    return [.. tried];
                search.AddUnreadable(search.NewestReadable!.Id, JobTurns.MemberOn(1));
                search.AddUnreadable(search.NewestReadable!.Id, JobTurns.MemberOn(2));
            }
        }
    }

    [Fact]
    public void It_is_hopeless_only_after_the_timeout_and_without_anything_to_go_back_to()
    {
        var (turns, search) = Search(state => state with { Planned = false });
        search.NoteLost();
        Assert.False(search.IsHopeless);
        turns.Begin(turns.Context.State.Spec.FaultTolerance.StateTimeout);
        Assert.True(search.IsHopeless);
        turns.Context.Change(turns.Context.State with { Checkpoints = [Checkpoint] });
        Assert.False(search.IsHopeless);
        search.NoteFound();
        Assert.Null(search.Deadline);
    }

    [Fact]
    public void A_process_that_has_said_that_it_holds_nothing_is_no_rescuer()
    {
        var (_, search) = Search();
        Assert.True(search.MayRescue(JobTurns.OfferOf(7)));
        search.NoteAnswer(JobTurns.Answer(7, null));
        Assert.False(search.MayRescue(JobTurns.OfferOf(7)));
        Assert.True(search.MayRescue(JobTurns.OfferOf(7, boot: 6)));
    }

    /// <summary>A job of two members that knows ten steps to be recorded.</summary>
    private static (JobTurns Turns, StateSearch Search) Search(Func<TrainingJobState, TrainingJobState>? with = null)
    {
        var turns = new JobTurns(members: 2, with);
        turns.Records.Reset(10);
        return (turns, new StateSearch(turns.Context, turns.Links, turns.Records));
    }
}
