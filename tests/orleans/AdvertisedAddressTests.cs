using System.Net;
using Coordinator.Silo.Hosting;

namespace Coordinator.Tests.Orleans;

public sealed class AdvertisedAddressTests
{
    [Fact]
    public void A_silo_is_advertised_under_an_address_or_its_hosts_name()
    {
        Assert.Equal(IPAddress.Parse("10.0.0.5"), AdvertisedAddress.Parse("10.0.0.5"));
        Assert.Equal(IPAddress.Loopback, AdvertisedAddress.Parse("localhost"));
        Assert.Contains(
            "no-such-host.invalid",
            Assert.Throws<FormatException>(() => AdvertisedAddress.Parse("no-such-host.invalid")).Message,
            StringComparison.Ordinal);
    }
}
