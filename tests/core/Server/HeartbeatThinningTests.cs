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
    public void The_last_one_is_there_with_its_age_whether_it_went_on_or_not()
    {
        var thinning = new HeartbeatThinning(TimeSpan.FromSeconds(2), time);
        Assert.Null(thinning.Last);
        Assert.True(thinning.Passes(Beat(generation: 1, step: 1), 12_500));
        time.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Equal((1L, TimeSpan.FromSeconds(0.5)), Last(thinning));

        Assert.False(thinning.Passes(Beat(generation: 1, step: 2), 12_500));
        time.Advance(TimeSpan.FromSeconds(0.25));
        Assert.Equal((2L, TimeSpan.FromSeconds(0.25)), Last(thinning));
    }

    private static (long Applied, TimeSpan Age) Last(HeartbeatThinning thinning) =>
        (thinning.Last!.Value.Heartbeat.Ranks[0].Applied, thinning.Last.Value.Age);

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
