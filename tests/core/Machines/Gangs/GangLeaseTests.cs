using Coordinator.Machines.Gangs;

namespace Coordinator.Tests.Machines.Gangs;

/// <summary>How long processes may run that nobody is heard of.</summary>
public sealed class GangLeaseTests
{
    private static readonly GangSpec Spec = new() { Lease = TimeSpan.FromSeconds(10), Alone = TimeSpan.FromSeconds(60) };

    [Fact]
    public void A_lease_ends_T_after_what_the_job_last_answered_had_been_sent()
    {
        var lease = new GangLease(Second(0), Spec, [0, 1, 2], self: 0);
        lease.RenewByJob(Second(5));
        lease.RenewByJob(Second(3));

        Assert.Equal(Second(15), lease.Until);
    }

    [Fact]
    public void A_majority_keeps_it_and_a_minority_does_not()
    {
        var lease = new GangLease(Second(0), Spec, [0, 1, 2, 3, 4], self: 0);
        lease.RenewByPeer(1, Second(20));
        Assert.Equal(Second(10), lease.Until);

        // Itself and two others are three of five: what counts is the later of the two.
        lease.RenewByPeer(2, Second(25));
        Assert.Equal(Second(30), lease.Until);
    }

    [Fact]
    public void Nobody_outside_the_panel_counts()
    {
        var lease = new GangLease(Second(0), Spec, [0, 1, 2], self: 7);
        lease.RenewByPeer(9, Second(20));
        lease.RenewByPeer(7, Second(20));
        lease.RenewByPeer(0, Second(20));

        Assert.Equal(Second(10), lease.Until);
    }

    [Fact]
    public void Agents_go_on_among_themselves_for_a_stated_time_and_no_longer()
    {
        var lease = new GangLease(Second(0), Spec, [0, 1, 2], self: 0);
        lease.RenewByPeer(1, Second(55));

        Assert.Equal(Second(60), lease.Until);
        lease.RenewByJob(Second(30));
        Assert.Equal(Second(65), lease.Until);
    }

    [Fact]
    public void A_gang_of_one_node_is_its_own_majority()
    {
        var lease = new GangLease(Second(0), Spec, [0], self: 0);

        Assert.Equal(Second(60), lease.Until);
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(2, 2, 2)]
    [InlineData(31, 31, 16)]
    [InlineData(1000, 31, 16)]
    public void The_panel_is_everybody_or_some_that_are_spread_evenly(int nodes, int panel, int majority)
    {
        var members = LeasePanel.Of(nodes);

        Assert.Equal((panel, majority), (members.Count, LeasePanel.Majority(members.Count)));
        Assert.Equal(members.Distinct().Order(), members);
        Assert.True(members[^1] < nodes);
    }

    [Fact]
    public void Whoever_takes_part_no_more_is_no_voice_for_himself_either()
    {
        var lease = new GangLease(Second(0), Spec, [0], self: 0);
        lease.Leave(Second(20));

        Assert.Equal(Second(30), lease.Until);
    }

    private static TimeSpan Second(double seconds) => TimeSpan.FromSeconds(seconds);
}
