using Coordinator.Machines;
using Coordinator.Machines.Jobs.Parts;

namespace Coordinator.Tests.Machines.Jobs;

/// <summary>What is recorded is recorded once, and a timeline's number never falls.</summary>
public sealed class StepRecordsTests
{
    private readonly StepRecords records = new();

    [Fact]
    public void Steps_are_news_once()
    {
        Assert.Equal([1L, 2], Steps(records.Take(Report(1, 2))));
        Assert.Equal([3L], Steps(records.Take(Report(2, 3))));
        Assert.Empty(records.Take(Report(1, 3)));
        Assert.Equal((3, 3.0), (records.Through, records.LastLoss));
    }

    [Fact]
    public void What_a_rank_knows_of_another_timeline_counts_for_that_one_alone()
    {
        records.Take(Report(1, 5));
        records.Note(timeline: 0, through: 9, present: 1);
        records.Note(timeline: 0, through: 4, present: 1);
        Assert.Equal((5, 9), (records.Of(1, present: 1), records.Of(0, present: 1)));
        Assert.Equal([10L], Steps(records.TakeOf(0, Report(8, 10))));
        Assert.Equal(10, records.Of(0, present: 1));
    }

    [Fact]
    public void A_new_timeline_begins_behind_its_step_and_the_old_one_keeps_its_record()
    {
        records.Take(Report(1, 8));
        Assert.Equal(3, records.BeginTimeline(left: 0, step: 5));
        Assert.Equal((5, 8), (records.Through, records.Of(0, present: 1)));
    }

    [Fact]
    public void A_generation_that_is_too_far_ahead_is_no_word_of_a_rank()
    {
        records.NoteGeneration(reported: 40, present: 3);
        records.NoteGeneration(reported: 1L << 40, present: 3);
        Assert.Equal(40, records.HighestGeneration);
    }

    private static IReadOnlyList<StepRecord> Report(int first, int last) =>
        [.. Enumerable.Range(first, last - first + 1).Select(step => new StepRecord(step, 1, step, 1, 1, 1))];

    private static IEnumerable<long> Steps(IEnumerable<StepRecord> some) => some.Select(step => step.Step);
}
