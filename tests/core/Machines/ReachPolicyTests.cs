using Coordinator.Machines;
using Coordinator.Machines.Clusters;

namespace Coordinator.Tests.Machines;

public sealed class ReachPolicyTests
{
    private const string Address = "127.0.0.9:7071";

    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(1, 2, false)]
    [InlineData(1, 3, true)]
    [InlineData(2, 1, true)]
    [InlineData(5, 1, true)]
    public void Two_peers_are_believed_at_once_and_one_the_third_time(int peers, int generations, bool isSetAside) =>
        Assert.Equal(isSetAside, Decide(peers, generations).IsSetAside);

    [Theory]
    [InlineData(0, 5)]
    [InlineData(1, 10)]
    [InlineData(2, 20)]
    [InlineData(4, 60)]
    [InlineData(1000, 60)]
    public void Each_time_the_pause_is_twice_as_long_and_an_hour_at_most(int before, int minutes) =>
        Assert.Equal(TimeSpan.FromMinutes(minutes), Decide(2, 1, before).Pause);

    [Fact]
    public void The_reason_names_the_address_the_peers_and_what_they_met_with()
    {
        Assert.Equal($"no peer reaches its data port {Address} (n0, n1: Connection refused)", Decide(2, 1).Reason);
        Assert.Equal($"no peer reaches its data port {Address} (n0, n1, n2 and 2 more: Connection refused)", Decide(5, 1).Reason);
    }

    private static ReachDecision Decide(int peers, int generations, int before = 0) =>
        ReachPolicy.Decide(
            Address, [.. Enumerable.Range(0, peers).Select(peer => new NodeId($"n{peer}"))], generations, before, "Connection refused");
}
