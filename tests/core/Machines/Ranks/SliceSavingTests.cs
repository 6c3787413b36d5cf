using Coordinator.Machines;

namespace Coordinator.Tests.Machines.Ranks;

/// <summary>
/// A slice is copied when its step is applied, one at a time, and what a failed device had a part in is never called saved.
/// </summary>
public sealed class SliceSavingTests
{
    private static readonly CheckpointId Id = new(0, 7, 3);

    private readonly RankTurns turns = new(ranks: 3, rank: 1);
    private readonly SliceSaving saving;

    public SliceSavingTests() => saving = new SliceSaving(turns.Context);

    [Fact]
    public void The_ranks_slice_is_copied_at_its_step_and_reported_when_it_is_written()
    {
        saving.Order(Id);
        saving.SaveIfDue(6);
        Assert.Empty(turns.Outputs);
        saving.SaveIfDue(7);
        saving.SaveIfDue(7);
        Assert.Equal([new SaveState(Id, 1, 3, 1, 1)], turns.Outputs);
        Assert.True(saving.IsUnderWay(Id));
        saving.OnSaved(Written());
        Assert.True(saving.RepeatSaved(Id));
        Assert.Equal(2, turns.Said.OfType<CheckpointPartSaved>().Count());
    }

    [Fact]
    public void What_was_written_while_the_device_failed_is_not_saved()
    {
        saving.Order(Id);
        saving.SaveIfDue(7);
        saving.Spoil();
        saving.OnSaved(Written());
        Assert.False(Assert.IsType<CheckpointFailed>(Assert.Single(turns.Said)).Late);
        Assert.False(saving.RepeatSaved(Id));
    }

    [Fact]
    public void A_second_one_fails_while_the_first_is_written_and_an_order_dies_with_its_generation()
    {
        saving.Order(Id);
        saving.SaveIfDue(7);
        saving.Order(Id with { Step = 8 });
        saving.SaveIfDue(8);
        Assert.Equal(8, Assert.IsType<CheckpointFailed>(Assert.Single(turns.Said)).Checkpoint.Step);
        saving.Order(Id with { Step = 9 });
        saving.ForgetOrder();
        turns.Begin(TimeSpan.Zero);
        saving.SaveIfDue(9);
        Assert.Empty(turns.Outputs);
    }

    private static StateSaved Written() => new(Id, new CheckpointPart("part-1", 8, new string('a', 64), 1, 1), 1, 1, null);
}
