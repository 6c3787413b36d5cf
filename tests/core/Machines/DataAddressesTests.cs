using Coordinator.Machines;

namespace Coordinator.Tests.Machines;

public sealed class DataAddressesTests
{
    [Theory]
    [InlineData("10.0.0.7", "10.0.0.7:7071")]
    [InlineData("node-7", "node-7:7071")]
    [InlineData("2001:db8::7", "[2001:db8::7]:7071")]
    [InlineData("[2001:db8::7]", "[2001:db8::7]:7071")]
    public void A_host_that_can_be_advertised_makes_an_address_that_can_be_dialled(string host, string address)
    {
        Assert.Null(DataAddresses.HostProblem(host));
        Assert.Equal(address, DataAddresses.Join(host, 7071));
        Assert.Null(DataAddresses.Problem(address));
        Assert.True(DataAddresses.TrySplit(address, out var bare, out var port));
        Assert.Equal((host.Trim('[', ']'), 7071), (bare, port));
    }

    [Theory]
    [InlineData("[::]")]
    [InlineData("[ff02::1]")]
    [InlineData("[10.0.0.7]")]
    [InlineData("[[::1]]")]
    [InlineData("[]")]
    public void Brackets_make_no_address_of_what_is_none(string host) => Assert.NotNull(DataAddresses.HostProblem(host));
}
