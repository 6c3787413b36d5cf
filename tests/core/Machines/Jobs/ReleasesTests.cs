using Coordinator.Machines;
using Coordinator.Machines.Jobs.Parts;

namespace Coordinator.Tests.Machines.Jobs;

/// <summary>A release is repeated until it is obeyed, to those who can hear it, and at last given up.</summary>
public sealed class ReleasesTests
{
    private readonly JobTurns turns = new(members: 2);
    private readonly Releases releases;
    private bool mayForget;

    public ReleasesTests() => releases = new Releases(turns.Context, turns.Links, _ => mayForget);

    [Fact]
    public void A_release_is_sent_once_at_a_time_and_repeated_until_it_is_obeyed()
    {
        releases.Begin(JobTurns.Gpu(1), "excluded");
        releases.Begin(JobTurns.Gpu(1), "excluded");
        Assert.Single(turns.Orders);
        Assert.True(RepeatAfter(0.3));
        Assert.False(RepeatAfter(0.3));
        Assert.True(RepeatAfter(0.3));
        releases.End(JobTurns.Gpu(1));
        Assert.Null(releases.Next);
        Assert.False(RepeatAfter(60));
    }

    [Fact]
    public void Whether_the_state_may_be_forgotten_is_asked_whenever_it_is_sent()
    {
        releases.Begin(JobTurns.Gpu(1), "asked to end");
        Assert.False(Sent().Forget);
        mayForget = true;
        Assert.True(RepeatAfter(1));
        Assert.True(Sent().Forget);
    }

    [Fact]
    public void Who_cannot_hear_is_called_when_it_can()
    {
        releases.Begin(JobTurns.Gpu(1), "excluded");
        turns.Connect(1, connected: false);
        Assert.Null(releases.Next);
        Assert.False(RepeatAfter(1));
        turns.Connect(1);
        Assert.True(RepeatAfter(0));
    }

    [Fact]
    public void Who_does_not_answer_for_two_minutes_is_given_up_and_counts_as_heard()
    {
        releases.Await(JobTurns.Gpu(1));
        releases.Begin(JobTurns.Gpu(1), "excluded");
        Assert.False(releases.IsHeard(JobTurns.Gpu(1)));
        Assert.False(RepeatAfter(120));
        Assert.True(releases.IsHeard(JobTurns.Gpu(1)));
        Assert.False(releases.IsPendingOn(JobTurns.Node(1)));
    }

    private ReleaseRank Sent() => Assert.IsType<ReleaseRank>(Assert.Single(Assert.Single(turns.Orders).Orders.Orders));

    private bool RepeatAfter(double seconds)
    {
        turns.BeginSeconds(seconds);
        releases.Repeat();
        return turns.Orders.Count > 0;
    }
}
