using Coordinator.Grains.Hosting;

namespace Coordinator.Tests.Orleans;

public sealed class LatenessTests
{
    [Fact]
    public void A_timer_that_is_on_time_passes_its_deadline() => Assert.Null(new Lateness().WaitAfter(Lateness.Punctual));

    [Fact]
    public void In_a_process_that_is_behind_the_messages_come_first_and_later_the_deadline()
    {
        var lateness = new Lateness();

        Assert.Equal(TimeSpan.FromSeconds(4), lateness.WaitAfter(TimeSpan.FromSeconds(1)));
        Assert.Null(lateness.WaitAfter(TimeSpan.Zero));
    }

    [Fact]
    public void In_one_that_is_behind_all_the_time_the_deadline_passes_all_the_same()
    {
        var lateness = new Lateness();
        var waited = TimeSpan.Zero;
        while (lateness.WaitAfter(TimeSpan.FromSeconds(1)) is { } wait)
            waited += wait;

        Assert.InRange(waited, Lateness.Longest, Lateness.Longest + TimeSpan.FromSeconds(4));

        // The next deadline has its own time.
        Assert.NotNull(lateness.WaitAfter(TimeSpan.FromSeconds(1)));
    }
}
