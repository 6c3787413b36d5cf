using System.Net;
using Orleans.Configuration;
using Orleans.Hosting;

namespace Coordinator.Bench.Limit;

/// <summary>The one silo of both sides, which speaks to no other.</summary>
internal static class LimitSilo
{
    /// <summary>Its ports are any free ones, so that two benches start beside each other.</summary>
    public static void Configure(ISiloBuilder silo)
    {
        var itself = new IPEndPoint(IPAddress.Loopback, 11_111);
        silo.UseDevelopmentClustering(itself);
        silo.Configure<ClusterOptions>(cluster => cluster.ClusterId = cluster.ServiceId = "limit");
        silo.Configure<EndpointOptions>(endpoint =>
        {
            (endpoint.AdvertisedIPAddress, endpoint.SiloPort, endpoint.GatewayPort) = (itself.Address, itself.Port, 0);
            endpoint.SiloListeningEndpoint = new IPEndPoint(IPAddress.Loopback, 0);
        });
        silo.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromMinutes(2));
        silo.UseInMemoryReminderService();
    }
}
