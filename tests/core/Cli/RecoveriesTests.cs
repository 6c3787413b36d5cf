using Coordinator.Machines;
using Coordinator.Runs.Measures;
using Coordinator.Runs.View;

namespace Coordinator.Tests.Cli;

public class RecoveriesTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_recovery_lasts_from_the_kill_to_the_generation_that_ran_after_it()
    {
        var events = new[] { Forming(90, 4), Running(150, 4), Forming(1010, 5), Running(1200, 5), Forming(2000, 6), Running(2300, 6) };

        Assert.Equal([TimeSpan.FromMilliseconds(200)], Recoveries.FromKills([Start.AddMilliseconds(1000)], events));
    }

    [Fact]
    public void A_generation_overtaken_by_another_failure_ends_with_the_one_that_runs()
    {
        var events = new[] { Forming(1010, 5), Forming(1100, 6), Running(1400, 6) };

        Assert.Equal(
            [TimeSpan.FromMilliseconds(400), TimeSpan.FromMilliseconds(350)],
            Recoveries.FromKills([Start.AddMilliseconds(1000), Start.AddMilliseconds(1050)], events));
    }

    [Fact]
    public void A_kill_that_nothing_followed_is_left_out() =>
        Assert.Empty(Recoveries.FromKills([Start.AddMilliseconds(1000)], [Forming(500, 5), Running(600, 5)]));

    [Fact]
    public void The_grains_own_measure_counts_generations_that_left_somebody_out()
    {
        var events = new[]
        {
            Forming(0, 1), Running(100, 1, 95), Excluded(1000, 2), Forming(1001, 2), Running(1200, 2, 190), Forming(3000, 3),
            Running(3100, 3, 80),
        };

        Assert.Equal([TimeSpan.FromMilliseconds(190)], Recoveries.FromDetection(events));
    }

    [Fact]
    public void The_median_of_an_even_number_is_the_mean_of_the_middle_two()
    {
        Assert.Null(Recoveries.Median([]));
        Assert.Equal(
            TimeSpan.FromSeconds(2.5), Recoveries.Median([.. new[] { 4, 1, 2, 3 }.Select(second => TimeSpan.FromSeconds(second))]));
    }

    [Fact]
    public void Steps_lost_counts_gaps_and_repetitions()
    {
        static StepRecord Step(long step) => new(step, 1, 1, 1, 1, 1);

        Assert.Equal(0, StepLedger.Of([Step(1), Step(2), Step(3)], 3).Lost);
        Assert.Equal(new StepLedger(1, 0), StepLedger.Of([Step(1), Step(3)], 3));
        Assert.Equal(new StepLedger(0, 2), StepLedger.Of([Step(1), Step(2), Step(2), Step(4)], 2));
    }

    private static TimedEvent Forming(int at, long generation) => Event(at, EventKinds.GenerationForming, generation);

    private static TimedEvent Running(int at, long generation, double? duration = null) =>
        Event(at, EventKinds.GenerationRunning, generation, duration);

    private static TimedEvent Excluded(int at, long generation) => Event(at, EventKinds.RankExcluded, generation);

    private static TimedEvent Event(int at, string kind, long generation, double? duration = null) =>
        new(Start.AddMilliseconds(at), new CoordinatorEvent { Kind = kind, Generation = generation, DurationMs = duration });
}
