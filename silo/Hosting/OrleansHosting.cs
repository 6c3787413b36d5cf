using System.Net;
using Coordinator.Grains.Hosting;
using Coordinator.Grains.Wire;
using Coordinator.Server.Gateway;
using Coordinator.Silo.Gateway;
using Coordinator.Silo.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Dashboard;

namespace Coordinator.Silo.Hosting;

/// <summary>How Orleans is set up in a silo: clustering, storage, reminders, failure detection, dashboard.</summary>
internal static class OrleansHosting
{
    /// <summary>Where the dashboard lies.</summary>
    public const string DashboardPath = "/orleans";

    private static readonly TimeSpan ProfilerRest = TimeSpan.FromSeconds(5);

    public static void Configure(IHostApplicationBuilder host, SiloSettings settings, SiloStore store, WorkerLinks links)
    {
        host.Services.AddSingleton(settings);
        host.Services.AddSingleton(links);
        host.Services.AddSingleton(TimeProvider.System);
        host.Services.AddSingleton(store);
        host.Services.AddSingleton(store.Observations);
        host.Services.AddSingleton<GrainOutbox>();
        host.Services.AddSingleton<GatewayServiceClient>();
        host.Services.AddSingleton<WorkerRoutes>();
        host.Services.AddSingleton<IGrainServices, GrainServices>();
        host.Services.AddMachineMessages();
        host.UseOrleans(silo =>
        {
            silo.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (settings.Cluster, settings.Cluster));
            silo.Configure<SiloOptions>(options => options.SiloName = settings.Name);
            silo.Configure<SiloMessagingOptions>(Limit);
            silo.Configure<ClientMessagingOptions>(Limit);
            silo.AddGrainService<GatewayService>();
            store.AddGrainStorage(silo);
            if (store is PostgresSiloStore shared)
                Join(silo, settings, shared);
            else
                StandAlone(silo, settings);
            if (settings.Dashboard)
                AddDashboard(silo, isAlone: !store.IsShared);
        });
    }

    public static void MapPages(WebApplication app, SiloSettings settings)
    {
        if (!settings.Dashboard)
            return;
        var pages = app.MapOrleansDashboard(DashboardPath);
        if (app.Services.GetService<DashboardStart>() is { } start)
        {
            pages.AddEndpointFilter(async (context, next) =>
            {
                await start.EnsureAsync().ConfigureAwait(false);
                return await next(context).ConfigureAwait(false);
            });
        }
    }

    /// <summary>
    /// Calls are measured only while somebody looks, and not for the minute that the dashboard waits for somebody by itself. Its counters
    /// walk over all activations every second, and no option changes that.
    /// </summary>
    private static void AddDashboard(ISiloBuilder silo, bool isAlone)
    {
        silo.AddDashboard(options => options.HideTrace = true);
        if (isAlone)
            DashboardStart.Defer(silo.Services);
        silo.Configure<GrainProfilerOptions>(options => options.DeactivationTime = ProfilerRest);
    }

    private static void Limit(MessagingOptions options)
    {
        options.ResponseTimeout = FailureDetection.ResponseTimeout;

        // A job's membership travels whole to a node that does not know the one before.
        options.MaxMessageBodySize = 64 << 20;
    }

    /// <summary>One of several silos, on a database that they share.</summary>
    private static void Join(ISiloBuilder silo, SiloSettings settings, PostgresSiloStore store)
    {
        silo.UseAdoNetClustering((AdoNetClusteringSiloOptions options) =>
            (options.Invariant, options.ConnectionString) = (PostgresSiloStore.Invariant, store.ConnectionString));
        silo.UseAdoNetReminderService((AdoNetReminderTableOptions options) =>
            (options.Invariant, options.ConnectionString) = (PostgresSiloStore.Invariant, store.ConnectionString));
        silo.Configure<ClusterMembershipOptions>(FailureDetection.Configure);
        GrainPlaces.Configure(silo);
        silo.Configure<EndpointOptions>(endpoint =>
        {
            endpoint.AdvertisedIPAddress = settings.Advertised;
            endpoint.SiloPort = settings.SiloPort;
            endpoint.GatewayPort = settings.GatewayPort;
            endpoint.SiloListeningEndpoint = new IPEndPoint(Listening(settings), settings.SiloPort);
            endpoint.GatewayListeningEndpoint = new IPEndPoint(Listening(settings), settings.GatewayPort);
        });
    }

    /// <summary>
    /// The only silo. It speaks to no other: it has no gateway, its port is any free one, so that as many such silos as one likes start
    /// beside each other, and a connection from another silo is closed before a byte of it is read. Reminders need no table: nothing can
    /// wake a job before this process is back, and then it wakes them itself.
    /// </summary>
    private static void StandAlone(ISiloBuilder silo, SiloSettings settings)
    {
        var itself = new IPEndPoint(IPAddress.Loopback, settings.SiloPort);
        silo.UseDevelopmentClustering(itself);
        silo.Configure<EndpointOptions>(endpoint =>
        {
            // The port under which it knows itself is a name: nobody connects to it.
            (endpoint.AdvertisedIPAddress, endpoint.SiloPort, endpoint.GatewayPort) = (itself.Address, itself.Port, 0);
            endpoint.SiloListeningEndpoint = new IPEndPoint(IPAddress.Loopback, 0);
        });
        silo.Configure<SiloConnectionOptions>(
            connections => connections.ConfigureSiloInboundConnection(builder => builder.Use(_ => connection =>
            {
                connection.Abort();
                return Task.CompletedTask;
            })));
        silo.UseInMemoryReminderService();
    }

    /// <summary>Traffic between silos carries no credentials, so it stays on the address that was named.</summary>
    private static IPAddress Listening(SiloSettings settings) => settings.Advertised;
}
