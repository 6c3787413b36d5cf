using Coordinator.Machines;

namespace Coordinator.Tests.Machines.Ranks;

/// <summary>What is not answered is said again, later each time; who stands still says so though nobody asks.</summary>
public sealed class RepetitionTests
{
    private readonly RankTurns turns = new(ranks: 2);
    private readonly Repetition repetition;

    public RepetitionTests() => repetition = new Repetition(turns.Context);

    [Fact]
    public void The_time_between_repetitions_doubles_up_to_four_seconds_and_news_begins_anew()
    {
        Assert.Equal([1.0, 2, 4, 4], Enumerable.Range(0, 4).Select(_ => Pause(isNews: false)));
        Assert.Equal(0.5, Pause(isNews: true));
    }

    [Fact]
    public void News_waits_no_longer_than_what_was_to_be_repeated_anyway()
    {
        Pause(isNews: false);
        var before = repetition.At;
        repetition.ArmForNews();
        Assert.Equal(before, repetition.At);
        turns.Begin(TimeSpan.FromSeconds(2));
        repetition.ArmForNews();
        Assert.Equal(turns.Context.Now + TimeSpan.FromSeconds(0.5), repetition.At);
    }

    [Fact]
    public void A_rank_stands_still_when_a_look_later_it_has_applied_nothing_more()
    {
        repetition.BeginLooking(applied: 3);
        Assert.False(repetition.LookForStandstill(3));
        turns.Begin(TimeSpan.FromSeconds(5));
        Assert.True(repetition.LookForStandstill(3));
        turns.Begin(TimeSpan.FromSeconds(5));
        Assert.False(repetition.LookForStandstill(4));
    }

    private double Pause(bool isNews)
    {
        repetition.Rearm(isNews);
        return (repetition.At - turns.Context.Now).TotalSeconds;
    }
}
