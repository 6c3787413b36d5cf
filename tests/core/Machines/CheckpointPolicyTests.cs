using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Tests.Machines;

/// <summary>When a job saves, and what stays.</summary>
public sealed class CheckpointPolicyTests
{
    [Theory]
    [InlineData("auto", false, 0, 0)]
    [InlineData("off", true, 0, 0)]
    [InlineData("500", false, 500, 0)]
    [InlineData("90s", false, 0, 90)]
    [InlineData("1.5m", false, 0, 90)]
    [InlineData("250ms", false, 0, 0.25)]
    [InlineData("1h", false, 0, 3600)]
    public void The_interval_is_read(string text, bool isOff, long steps, double seconds)
    {
        Assert.True(CheckpointInterval.TryParse(text, out var interval));
        Assert.Equal(new CheckpointInterval(isOff, steps, TimeSpan.FromSeconds(seconds)), interval);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-5")]
    [InlineData("5 parsecs")]
    [InlineData("1d")]
    [InlineData("s")]
    [InlineData("0s")]
    [InlineData("1..5s")]
    [InlineData("99999999h")]
    [InlineData("never")]
    public void A_setting_that_is_none_is_refused_with_what_is_allowed(string text)
    {
        Assert.False(CheckpointInterval.TryParse(text, out _));
        var problem = Assert.Single(JobSpecValidator.Validate(
            new JobSpec { Model = new ModelSpec { Program = "linear" }, Checkpoint = new CheckpointSpec { Interval = text } }));
        Assert.Equal("checkpoint.interval", problem.Field);
    }

    [Theory]
    [InlineData(10, 0, 464.758)]
    [InlineData(10, 2, 268.328)]
    [InlineData(0.0001, 0, 5)]
    [InlineData(600, 1000, 1200)]
    [InlineData(36000, 0, 72000)]
    public void The_interval_of_Young_and_Daly_is_the_root_of_twice_cost_times_mtbf(
        double costSeconds, int failures, double expectedSeconds)
    {
        // The prior is one failure in three hours: nothing observed and no failure is a mean of three hours.
        var interval = CheckpointInterval.YoungDaly(TimeSpan.FromSeconds(costSeconds), TimeSpan.Zero, failures);
        Assert.Equal(expectedSeconds, interval.TotalSeconds, 3);
    }

    [Fact]
    public void More_failures_shorten_the_interval_and_quiet_time_lengthens_it()
    {
        var cost = TimeSpan.FromSeconds(2);
        var quiet = CheckpointInterval.YoungDaly(cost, TimeSpan.FromHours(10), 0);
        var rough = CheckpointInterval.YoungDaly(cost, TimeSpan.FromHours(10), 20);
        Assert.True(rough < CheckpointInterval.YoungDaly(cost, TimeSpan.Zero, 0));
        Assert.True(quiet > CheckpointInterval.YoungDaly(cost, TimeSpan.Zero, 0));
    }

    [Fact]
    public void The_newest_stay_and_every_kth()
    {
        var all = Enumerable.Range(1, 10).Select(i => Ref(0, i * 50)).ToArray();
        Assert.Equal(
            [100, 200, 300, 400, 450, 500],
            CheckpointRetention.Keep(all, new CheckpointSpec { KeepLatest = 2, KeepEvery = 100 }).Select(kept => kept.Id.Step));
        Assert.Equal([450, 500], CheckpointRetention.Keep(all, new CheckpointSpec { KeepLatest = 2 }).Select(kept => kept.Id.Step));
    }

    [Fact]
    public void The_last_that_were_removed_are_remembered()
    {
        Assert.Null(CheckpointRetention.Remember(null, [Ref(0, 50)], [Ref(0, 50), Ref(0, 100)]));
        IReadOnlyList<CheckpointRef>? remembered = null;
        for (var i = 1; i <= 20; i++)
            remembered = CheckpointRetention.Remember(remembered, [Ref(0, i)], [Ref(0, i + 1)]);
        Assert.Equal(Enumerable.Range(5, CheckpointRetention.MostRemembered).Select(i => (long)i), remembered!.Select(one => one.Id.Step));
    }

    [Fact]
    public void Of_a_step_that_was_saved_on_two_timelines_the_later_stays()
    {
        Assert.Equal([
            new CheckpointId(0, 50, 1), new CheckpointId(1, 100, 1),
        ], CheckpointRetention.Keep([Ref(0, 50), Ref(0, 100), Ref(1, 100)], new CheckpointSpec { KeepLatest = 3 }).Select(kept => kept.Id));
    }

    [Theory]
    [InlineData("step-000000150.t0.g3", true)]
    [InlineData("step-1234567890123.t2.g45", true)]
    [InlineData("step-0000000150.t0.g3", false)]
    [InlineData("step-150.t0.g3", false)]
    [InlineData("step-000000150.t00.g3", false)]
    [InlineData("step-000000150.t0.g3\n", false)]
    [InlineData("../step-000000150.t0.g3", false)]
    [InlineData("", false)]
    public void A_checkpoint_has_one_name(string name, bool isOne)
    {
        var id = CheckpointId.TryParse(name);
        Assert.Equal(isOne, id is not null);
        if (isOne)
            Assert.Equal(name, id!.Value.Name);
    }

    private static CheckpointRef Ref(int timeline, long step) => new(new CheckpointId(timeline, step, 1), new string('0', 64), 1, 1);
}
