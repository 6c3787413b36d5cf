using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Parts;

namespace Coordinator.Tests.Machines.Jobs;

/// <summary>
/// A checkpoint is the job's when all parts and the manifest are written and its step is recorded; one is under way at a time.
/// </summary>
public sealed class CheckpointScheduleTests
{
    private readonly JobTurns turns = new(
        members: 2, state => state with { Spec = state.Spec with { Checkpoint = new CheckpointSpec { Interval = "10" } } });
    private readonly CheckpointSchedule schedule;

    public CheckpointScheduleTests()
    {
        schedule = new CheckpointSchedule(turns.Context, turns.Links, turns.Records);
        turns.Connect(1);
        turns.Connect(2);
    }

    [Fact]
    public void A_checkpoint_goes_from_its_order_by_its_parts_and_its_record_to_its_manifest()
    {
        schedule.Decide();
        var id = Assert.IsType<SaveCheckpoint>(turns.Orders[0].Orders.Checkpoint).Checkpoint;
        Assert.Equal((10, 2), (id.Step, turns.Orders.Count));
        Save(1, id);
        Save(2, id);
        turns.BeginSeconds(1);
        Assert.Empty(turns.Outputs);
        Record(10);
        schedule.Decide();
        Assert.IsType<SealCheckpoint>(Assert.Single(turns.Orders).Orders.Checkpoint);
        schedule.OnSealed(new CheckpointSealed
        {
            Job = JobTurns.Job,
            Generation = 3,
            Node = JobTurns.Node(1),
            Checkpoint = id,
            ManifestSha256 = new string('b', 64),
        });
        Assert.Equal(id, Assert.Single(turns.Context.State.Checkpoints).Id);
        Assert.Equal("", schedule.Description);
    }

    [Fact]
    public void An_order_that_came_late_is_no_event_and_the_next_comes_earlier()
    {
        schedule.Want();
        schedule.Decide();
        var first = Ordered();
        schedule.OnFailed(Failed(first, late: true));
        Assert.DoesNotContain(turns.Outputs, output => output is ObserveEvent);
        turns.BeginSeconds(1);
        schedule.Decide();
        Assert.True(Ordered().Step > first.Step);
    }

    [Fact]
    public void What_fails_again_in_the_same_way_is_an_event_once()
    {
        var events = 0;
        for (var attempt = 0; attempt < 2; attempt++)
        {
            schedule.Decide();
            schedule.OnFailed(Failed(Ordered(), late: false));
            events += turns.Outputs.OfType<ObserveEvent>().Count();
            turns.BeginSeconds(5);
        }

        Assert.Equal(1, events);
        Assert.Equal("n1: no space", schedule.Description);
    }

    [Fact]
    public void What_was_begun_goes_on_through_a_generation_only_if_the_step_was_reached_and_all_who_save_are_there()
    {
        schedule.Decide();
        var id = Ordered();
        Save(1, id);
        schedule.KeepThrough([JobTurns.MemberOn(2)]);
        Assert.NotEqual("", schedule.Description);
        schedule.KeepThrough([JobTurns.MemberOn(1)]);
        Assert.Equal("", schedule.Description);
    }

    private CheckpointId Ordered() => turns.Orders.Select(sent => sent.Orders.Checkpoint).OfType<SaveCheckpoint>().Last().Checkpoint;

    private static CheckpointFailed Failed(CheckpointId id, bool late) =>
        new() { Job = JobTurns.Job, Generation = 3, Node = JobTurns.Node(1), Checkpoint = id, Detail = "no space", Late = late };

    private void Save(int node, CheckpointId id) => schedule.OnPartSaved(new CheckpointPartSaved
    {
        Job = JobTurns.Job,
        Generation = 3,
        Gpu = JobTurns.Gpu(node),
        Checkpoint = id,
        Part = new CheckpointPart($"part-{node}", 8, new string('a', 64), 2 * node, 2),
        SnapshotMs = 1,
        WriteMs = 1,
    });

    private void Record(long step)
    {
        turns.Records.Take([new StepRecord(step, 3, 1, 1, 1, 1)]);
        schedule.NoteReport();
    }
}
