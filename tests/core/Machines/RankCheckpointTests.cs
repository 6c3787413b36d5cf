using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

/// <summary>
/// A rank's part in checkpoints: the copy is of the step that was named, it is asked for before anything overwrites it, and a state that
/// cannot be read is none.
/// </summary>
public sealed class RankCheckpointTests
{
    private const int Shards = 4;
    private static readonly JobId Job = new("j");
    private static readonly GpuId Gpu = new(new NodeId("n1"), 0);
    private static readonly CheckpointRef Saved = new(new CheckpointId(0, 12, 1), new string('a', 64), 10, 1);

    private readonly RankMachine rank = new(new RankOptions
    {
        Job = Job,
        Gpu = Gpu,
        Boot = 5,
        Shards = Shards,
        Steps = 100,
        ReducedBlocks = 1,
        StateBlocks = 3,
        WindowBlocks = 1,
    });
    private readonly List<RankOutput> done = [];
    private readonly Queue<RankInput> due = [];
    private TimeSpan now = TimeSpan.FromSeconds(1);
    private long lastStep;

    private IEnumerable<WorkerMessage> Said => done.OfType<TellJob>().Select(tell => tell.Message);

    [Fact]
    public void The_copy_is_made_when_the_named_step_is_applied_and_before_the_next_is_begun()
    {
        TrainTo(3);
        Save(new CheckpointId(0, 5, 1));
        Assert.DoesNotContain(done, output => output is SaveState);
        TrainTo(7);
        var save = done.FindIndex(output => output is SaveState { Checkpoint.Step: 5, Start: 0, Count: 3, Rank: 0, Ranks: 1 });
        Assert.InRange(
            save,
            done.FindIndex(output => output is ApplyStep { Step: 5 }) + 1,
            done.FindIndex(output => output is ComputeShard { Step: 6 }) - 1);
        Assert.Single(done, output => output is SaveState);
    }

    [Fact]
    public void Named_while_it_stands_at_the_step_it_is_copied_at_once()
    {
        TrainTo(3);
        Save(new CheckpointId(0, 3, 1));
        Assert.Contains(done, output => output is SaveState { Checkpoint.Step: 3 });
    }

    [Fact]
    public void An_order_that_comes_after_the_step_is_late_and_copies_nothing()
    {
        TrainTo(6);
        Save(new CheckpointId(0, 5, 1));
        TrainTo(9);
        Assert.Contains(Said, message => message is CheckpointFailed { Late: true, Checkpoint.Step: 5 });
        Assert.DoesNotContain(done, output => output is SaveState);
    }

    [Fact]
    public void What_was_written_is_said_once_and_again_when_it_is_asked_for_again_also_in_a_later_generation()
    {
        var id = new CheckpointId(0, 4, 1);
        TrainTo(3);
        Save(id);
        TrainTo(5);
        Prepare(2);
        Hand(new StateSaved(id, new CheckpointPart("part", 20, "00", 0, 3), 1, 2, null));
        Assert.Single(Said, message => message is CheckpointPartSaved { Generation: 2, Checkpoint.Step: 4, Part.Elements: 3, WriteMs: 2 });
        Save(id);
        Assert.Equal(2, Said.Count(message => message is CheckpointPartSaved));
    }

    [Fact]
    public void While_one_is_being_written_the_next_fails_and_training_goes_on()
    {
        TrainTo(3);
        Save(new CheckpointId(0, 4, 1));
        TrainTo(5);
        Save(new CheckpointId(0, 6, 1));
        TrainTo(9);
        Assert.Contains(Said, message => message is CheckpointFailed { Late: false, Checkpoint.Step: 6 });
        Hand(new StateSaved(new CheckpointId(0, 4, 1), null, 0, 0, "no space left on device"));
        Assert.Contains(
            Said, message => message is CheckpointFailed { Late: false, Checkpoint.Step: 4, Detail: "no space left on device" });
        Assert.Equal(9, rank.Applied);
    }

    [Fact]
    public void An_order_of_a_lower_incarnation_or_another_job_is_not_heeded()
    {
        TrainTo(3);
        Hand(new SaveOrdered(new SaveCheckpoint(Job, 0, new CheckpointId(0, 5, 1))));
        Hand(new SaveOrdered(new SaveCheckpoint(new JobId("other"), 1, new CheckpointId(0, 5, 1))));
        TrainTo(7);
        Assert.DoesNotContain(done, output => output is SaveState);
    }

    [Fact]
    public void A_new_generation_forgets_an_order_whose_step_is_still_to_come()
    {
        TrainTo(3);
        Save(new CheckpointId(0, 20, 1));
        Prepare(2);
        Plan(2, CatchUp.None, 4);
        TrainTo(25);
        Assert.DoesNotContain(done, output => output is SaveState);
    }

    [Fact]
    public void A_loaded_state_is_the_state_of_its_step_on_the_new_timeline()
    {
        Prepare(1);
        Plan(1, CatchUp.LoadCheckpoint, 13, timeline: 1, checkpoint: Saved);
        Assert.Contains(done, output => output is LoadState { Checkpoint.Id.Step: 12 });
        Assert.DoesNotContain(done, output => output is ComputeShard);
        Loaded(null);
        TrainTo(14);
        Assert.DoesNotContain(done, output => output is ComputeShard { Step: < 13 });
        Prepare(2);
        Assert.Contains(Said, message => message is RankState { Generation: 2, HasState: true, Timeline: 1, Applied: 14 });
    }

    [Fact]
    public void A_state_that_cannot_be_read_is_said_until_a_newer_generation_and_is_none()
    {
        Prepare(1);
        Plan(1, CatchUp.LoadCheckpoint, 13, timeline: 1, checkpoint: Saved);
        Loaded("part 0 is damaged");
        now += TimeSpan.FromSeconds(1);
        Hand(new RankDeadlinePassed());
        Assert.Equal(2, Said.Count(message => message is CheckpointUnreadable { Detail: "part 0 is damaged", Checkpoint.Step: 12 }));
        Assert.DoesNotContain(done, output => output is ComputeShard);
        Prepare(2);
        Assert.Contains(Said, message => message is RankState { Generation: 2, HasState: false });
        Assert.Equal(2, Said.Count(message => message is CheckpointUnreadable));
    }

    [Fact]
    public void A_rank_that_is_asked_while_it_loads_answers_when_it_has_loaded()
    {
        Prepare(1);
        Plan(1, CatchUp.LoadCheckpoint, 13, timeline: 1, checkpoint: Saved);
        Prepare(2);
        Assert.DoesNotContain(Said, message => message is RankState { Generation: 2 });
        Loaded(null);
        Assert.Contains(Said, message => message is RankState { Generation: 2, HasState: true, Applied: 12 });
    }

    [Fact]
    public void A_rank_whose_device_is_busy_says_so_again_and_again_until_it_answers()
    {
        Prepare(1);
        Plan(1, CatchUp.LoadCheckpoint, firstStep: 13, checkpoint: Saved);
        due.Clear();
        done.Clear();
        rank.Handle(
            now,
            new OrderArrived(new PrepareRank { Job = Job, Incarnation = 1, Timeline = 0, Generation = 2, Gpu = Gpu }, Members(2)),
            done);
        for (var i = 0; i < 8; i++)
            rank.Handle(now = rank.NextDeadline!.Value, new RankDeadlinePassed(), done);
        Assert.Equal(9, Said.Count(message => message is RankPreparing { Busy: true, Generation: 2, What: "initialising" }));
        Assert.Equal(TimeSpan.FromSeconds(5), now);
        Assert.DoesNotContain(Said, message => message is RankState);
    }

    private void TrainTo(long step)
    {
        lastStep = step;
        if (rank.Generation == 0)
        {
            Prepare(1);
            Plan(1, CatchUp.Initialize, 1);
        }

        Settle();
        Assert.Equal(step, rank.Applied);
    }

    private void Loaded(string? failure) => Hand(new StateLoaded(done.OfType<LoadState>().Last().Ticket, failure));

    private void Save(CheckpointId id) => Hand(new SaveOrdered(new SaveCheckpoint(Job, 1, id)));

    private void Prepare(long generation) => Hand(new OrderArrived(
        new PrepareRank { Job = Job, Incarnation = 1, Timeline = 0, Generation = generation, Gpu = Gpu }, Members(generation)));

    private void Plan(
        long generation, CatchUp way, long firstStep, int timeline = 0, CheckpointRef? checkpoint = null) => Hand(new OrderArrived(
        new RankPlan
        {
            Job = Job,
            Incarnation = 1,
            Timeline = timeline,
            Generation = generation,
            Gpu = Gpu,
            Rank = 0,
            FirstStep = firstStep,
            CatchUp = way,
            Checkpoint = checkpoint,
            FirstStepShards = [new ShardRun(0, 0, Shards)],
        },
        Members(generation)));

    private static Membership Members(long generation) => Membership.None(Job).Apply(generation, [], [new Member(Gpu, "n1:1", 5)]);

    private void Hand(RankInput input)
    {
        var outputs = new List<RankOutput>();
        rank.Handle(now, input, outputs);
        done.AddRange(outputs);
        foreach (var output in outputs)
        {
            if (output switch
            {
                InitializeState initialize => new StateInitialized(initialize.Ticket),
                ComputeShard compute => new ShardComputed(compute.Ticket),
                ApplyStep apply => new StepFinished(apply.Ticket, apply.Step),
                _ => (RankInput?)null,
            } is { } next)
            {
                due.Enqueue(next);
            }
        }
    }

    /// <summary>The device works until the last step that is wanted is applied.</summary>
    private void Settle()
    {
        while (rank.Applied < lastStep && due.TryDequeue(out var next))
            Hand(next);
    }
}
