using Coordinator.Conformance;
using Coordinator.Machines;
using Coordinator.Server.Gateway;

namespace Coordinator.Tests.Server;

public sealed class PulseTests
{
    private readonly ManualTimeProvider time = new();

    [Fact]
    public void With_a_few_connections_every_heartbeat_passes()
    {
        var pulse = new Pulse(time);
        Assert.Equal(20, Passing(pulse, links: 8, TimeSpan.FromMilliseconds(500), beats: 20));
    }

    [Fact]
    public void With_thousands_one_in_two_seconds_passes_and_never_fewer()
    {
        var pulse = new Pulse(time);
        Assert.Equal(5, Passing(pulse, links: 12_500, TimeSpan.FromMilliseconds(500), beats: 20));
        Assert.Equal(5, Passing(pulse, links: 1_000_000, TimeSpan.FromMilliseconds(500), beats: 20));
    }

    [Fact]
    public void Other_work_is_news_and_another_step_of_the_same_is_not()
    {
        var pulse = new Pulse(time);
        Assert.True(pulse.Passes(Beat(generation: 1, step: 1), 12_500));
        Assert.False(pulse.Passes(Beat(generation: 1, step: 2), 12_500));
        Assert.True(pulse.Passes(Beat(generation: 2, step: 2), 12_500));
        Assert.True(pulse.Passes(new Heartbeat(3, []), 12_500));
    }

    private static Heartbeat Beat(long generation, long step) =>
        new(1, [new RankPosition(0, new JobId("j"), generation, step, "computing")]);

    private int Passing(Pulse pulse, int links, TimeSpan period, int beats)
    {
        var passed = 0;
        for (var beat = 0; beat < beats; beat++)
        {
            passed += pulse.Passes(Beat(1, beat), links) ? 1 : 0;
            time.Advance(period);
        }

        return passed;
    }
}
