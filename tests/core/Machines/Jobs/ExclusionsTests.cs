using Coordinator.Machines.Jobs.Parts;

namespace Coordinator.Tests.Machines.Jobs;

/// <summary>Who fails again soon waits longer, and a process that has not answered its release does not come back.</summary>
public sealed class ExclusionsTests
{
    private readonly Exclusions exclusions = new();
    private TimeSpan now = TimeSpan.FromSeconds(10);

    [Fact]
    public void The_pause_doubles_with_each_failure_that_follows_soon()
    {
        Assert.Equal([1.0, 2, 4], Enumerable.Range(0, 3).Select(_ => Pause(isLasting: false)));
        now += TimeSpan.FromMinutes(2);
        Assert.Equal(1, Pause(isLasting: false));
    }

    [Fact]
    public void A_pause_is_half_a_minute_at_the_longest_and_ten_where_the_failure_would_follow_each_time()
    {
        Assert.Equal(30, Enumerable.Range(0, 12).Select(_ => Pause(isLasting: false)).Max());
        Assert.Equal(600, Enumerable.Range(0, 12).Select(_ => Pause(isLasting: true)).Max());
    }

    [Fact]
    public void The_same_process_comes_back_once_it_was_heard_and_a_later_one_at_once()
    {
        Pause(isLasting: false);
        Assert.False(MayReturn(boot: 5, isHeard: true));
        Assert.True(MayReturn(boot: 6, isHeard: false));
        now += TimeSpan.FromSeconds(1);
        Assert.True(MayReturn(boot: 5, isHeard: true));
        Assert.False(MayReturn(boot: 5, isHeard: false));
    }

    /// <summary>A member fails; its pause in seconds.</summary>
    private double Pause(bool isLasting)
    {
        exclusions.Add(JobTurns.MemberOn(1), isLasting, now);
        return (exclusions.Ends.First() - now).TotalSeconds;
    }

    private bool MayReturn(long boot, bool isHeard) =>
        exclusions.MayReturn(JobTurns.OfferOf(1, boot), isHeard, isAnybodyNeeded: false, now);
}
