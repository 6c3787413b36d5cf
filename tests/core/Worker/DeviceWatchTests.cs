using Coordinator.Worker.Ranks;

namespace Coordinator.Tests.Worker;

/// <summary>When a call of a device counts as hanging, in times that the test makes up.</summary>
public sealed class DeviceWatchTests
{
    private TimeSpan now = TimeSpan.FromHours(1);

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    [Fact]
    public void A_call_hangs_once_it_takes_longer_than_the_job_says_and_not_before()
    {
        var watch = Warm(0.01);
        watch.Begin("shard", "shard 3 of step 7", now);
        Assert.Null(After(watch, 29));
        Assert.Equal("the device hangs: shard 3 of step 7 has taken 31 s, and none before took longer than 0.01 s", After(watch, 2));
    }

    [Fact]
    public void Calls_that_take_long_are_waited_for_twenty_times_as_long()
    {
        var watch = Warm(5);
        watch.Begin("shard", "a shard", now);
        Assert.Null(After(watch, 99));
        Assert.NotNull(After(watch, 2));
    }

    [Fact]
    public void One_long_call_is_forgotten_after_many_short_ones()
    {
        var watch = Warm(50);
        for (var i = 0; i < 64; i++)
            Call(watch, 0.01, isWhole: true);
        watch.Begin("shard", "a shard", now);
        Assert.NotNull(After(watch, 31));
    }

    [Fact]
    public void The_first_call_of_a_kind_has_ten_minutes_whatever_others_took_or_how_soon_others_were_cancelled()
    {
        var watch = Warm(0.01);
        Call(watch, 0.01, isWhole: false, kind: "update");
        watch.Begin("update", "the update of step 1", now);
        Assert.Null(After(watch, 599));
        Assert.NotNull(After(watch, 2));
    }

    [Fact]
    public void Whoever_was_frozen_itself_blames_nobody()
    {
        var watch = Warm(0.01);
        watch.Begin("shard", "a shard", now);
        now += TimeSpan.FromHours(2);
        Assert.Null(watch.Hanging(now));
        Assert.Null(After(watch, 27));
        Assert.NotNull(After(watch, 3));
    }

    [Fact]
    public void Time_that_the_device_spends_with_something_else_is_not_the_calls()
    {
        var watch = Warm(0.01);
        watch.Begin("shard", "a shard", now);
        for (var i = 0; i < 3600; i++)
            Assert.Null(watch.Hanging(now += Seconds(1), isElsewhere: true));
        Assert.Null(After(watch, 29));
        Assert.NotNull(After(watch, 2));
    }

    [Fact]
    public void Between_calls_there_is_nothing_to_look_at()
    {
        var watch = Warm(0.01);
        Assert.Null(watch.NextLook);
        Assert.Null(After(watch, 10_000));
        watch.Begin("shard", "a shard", now);
        Assert.Equal(now + Seconds(1), watch.NextLook);
    }

    [Fact]
    public void Where_the_job_says_zero_nothing_hangs()
    {
        var watch = new DeviceWatch(TimeSpan.Zero);
        Call(watch, 0.01, isWhole: true);
        watch.Begin("shard", "a shard", now);
        Assert.Null(watch.NextLook);
        Assert.Null(After(watch, 100_000));
    }

    private DeviceWatch Warm(double seconds)
    {
        var watch = new DeviceWatch(Seconds(30));
        Call(watch, seconds, isWhole: true);
        return watch;
    }

    private void Call(DeviceWatch watch, double seconds, bool isWhole, string kind = "shard")
    {
        watch.Begin(kind, "a call", now);
        watch.End(now += Seconds(seconds), isWhole);
    }

    /// <summary>Looks once a second, as a rank's loop does.</summary>
    private string? After(DeviceWatch watch, int seconds)
    {
        string? hang = null;
        for (var i = 0; i < seconds; i++)
            hang ??= watch.Hanging(now += Seconds(1));
        return hang;
    }
}
