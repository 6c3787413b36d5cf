using System.Net;
using Coordinator.Silo.Commands;

namespace Coordinator.Tests.Orleans;

public sealed class SiloCommandLineTests
{
    [Fact]
    public void A_connection_string_with_blanks_is_read_from_its_file_and_not_as_further_arguments()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, "Host=postgres;Username=coordinator;GSS Encryption Mode=Disable\n");
        try
        {
            Assert.Empty(SiloCommandLine.Parse(["--data-dir", "data", "--database", "@" + file]).Errors);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void A_silo_is_advertised_under_an_address_or_its_hosts_name()
    {
        Assert.Equal(IPAddress.Parse("10.0.0.5"), AdvertisedAddress.Parse("10.0.0.5"));
        Assert.Equal(IPAddress.Loopback, AdvertisedAddress.Parse("localhost"));
        Assert.Contains("no-such-host.invalid", Assert.Throws<FormatException>(() => AdvertisedAddress.Parse("no-such-host.invalid")).Message, StringComparison.Ordinal);
    }
}
