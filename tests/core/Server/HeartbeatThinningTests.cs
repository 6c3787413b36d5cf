using Coordinator.Conformance;
using Coordinator.Machines;
using Coordinator.Server.Gateway;

namespace Coordinator.Tests.Server;

public sealed class HeartbeatThinningTests
{
    private readonly ManualTimeProvider time = new();

    [Fact]
    public void With_a_few_connections_every_heartbeat_passes()
    {
        var thinning = new HeartbeatThinning(TimeSpan.FromSeconds(2), time);
        Assert.Equal(20, Passing(thinning, links: 8, TimeSpan.FromMilliseconds(500), beats: 20));
    }

    [Fact]
    public void With_thousands_one_in_two_seconds_passes_and_never_fewer()
    {
        var thinning = new HeartbeatThinning(TimeSpan.FromSeconds(2), time);
        Assert.Equal(5, Passing(thinning, links: 12_500, TimeSpan.FromMilliseconds(500), beats: 20));
        Assert.Equal(5, Passing(thinning, links: 1_000_000, TimeSpan.FromMilliseconds(500), beats: 20));
    }

    [Fact]
    public void Other_work_is_news_and_another_step_of_the_same_is_not()
    {
        var thinning = new HeartbeatThinning(TimeSpan.FromSeconds(2), time);
        Assert.True(thinning.Passes(Beat(generation: 1, step: 1), 12_500));
        Assert.False(thinning.Passes(Beat(generation: 1, step: 2), 12_500));
        Assert.True(thinning.Passes(Beat(generation: 2, step: 2), 12_500));
        Assert.True(thinning.Passes(new Heartbeat(3, []), 12_500));
    }

    [Fact]
    public void What_was_held_back_is_handed_out_once_with_its_age()
    {
        var thinning = new HeartbeatThinning(TimeSpan.FromSeconds(2), time);
        Assert.True(thinning.Passes(Beat(generation: 1, step: 1), 12_500));
        Assert.Null(thinning.TakeHeldBack());

        time.Advance(TimeSpan.FromSeconds(0.5));
        Assert.False(thinning.Passes(Beat(generation: 1, step: 2), 12_500));
        time.Advance(TimeSpan.FromSeconds(0.25));
        Assert.False(thinning.Passes(Beat(generation: 1, step: 3), 12_500));
        time.Advance(TimeSpan.FromSeconds(1));

        var (heartbeat, age) = thinning.TakeHeldBack()!.Value;
        Assert.Equal((3L, TimeSpan.FromSeconds(1)), (heartbeat.Ranks[0].Applied, age));
        Assert.Null(thinning.TakeHeldBack());
    }

    [Fact]
    public void What_went_on_leaves_nothing_behind()
    {
        var thinning = new HeartbeatThinning(TimeSpan.FromSeconds(2), time);
        Assert.True(thinning.Passes(Beat(generation: 1, step: 1), 12_500));
        Assert.False(thinning.Passes(Beat(generation: 1, step: 2), 12_500));
        Assert.True(thinning.Passes(Beat(generation: 2, step: 3), 12_500));

        Assert.Null(thinning.TakeHeldBack());
    }

    private static Heartbeat Beat(long generation, long step) =>
        new(1, [new RankPosition(0, new JobId("j"), generation, step, "computing")]);

    private int Passing(HeartbeatThinning thinning, int links, TimeSpan period, int beats)
    {
        var passed = 0;
        for (var beat = 0; beat < beats; beat++)
        {
            passed += thinning.Passes(Beat(1, beat), links) ? 1 : 0;
            time.Advance(period);
        }

        return passed;
    }
}
