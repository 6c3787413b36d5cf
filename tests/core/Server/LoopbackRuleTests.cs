using System.Net;
using Coordinator.Server.Gateway;

namespace Coordinator.Tests.Server;

/// <summary>Which workers with a loopback address a silo lets in.</summary>
public sealed class LoopbackRuleTests
{
    [Theory]
    [InlineData("127.0.0.1:7080", "127.0.0.1", "127.0.0.1", null)]
    [InlineData("127.0.0.1:7080", "10.0.0.5", "10.0.0.5", null)]
    [InlineData("10.0.0.7:7080", "10.0.0.7", "10.0.0.5", null)]
    [InlineData("127.0.0.1:7080", "172.18.0.1", "172.18.0.2", null)]
    [InlineData("localhost:7080", "::ffff:172.18.0.1", "::ffff:172.18.0.2", null)]
    [InlineData(
        "127.0.0.1:7080",
        "10.0.0.7",
        "172.18.0.2",
        "data address 127.0.0.1:7080 is its own host's loopback, and 10.0.0.7 is another host: give --data-address")]
    [InlineData(
        "[::1]:7080",
        "172.18.0.9",
        "172.18.0.2",
        "data address [::1]:7080 is its own host's loopback, and 172.18.0.9 is another host: give --data-address")]
    public void Refused_is_one_that_is_on_another_host_for_certain(string dataAddress, string remote, string local, string? why) =>
        Assert.Equal(
            why,
            LoopbackRule.WhyUnreachable(dataAddress, IPAddress.Parse(remote), IPAddress.Parse(local), [IPAddress.Parse("172.18.0.1")]));
}
