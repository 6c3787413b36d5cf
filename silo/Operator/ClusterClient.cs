using Coordinator.Silo.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;

namespace Coordinator.Silo.Operator;

/// <summary>An Orleans client of a cluster, for the operator's commands.</summary>
internal static class ClusterClient
{
    private const int NotFound = 3;
    private const int Attempts = 4;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Connects, does something with the grains, and disconnects.</summary>
    /// <param name="database">Database of the cluster's membership; null: the silo that runs alone on this machine.</param>
    /// <param name="cluster">Name of the cluster.</param>
    /// <param name="gatewayPort">Port of the silo that runs alone.</param>
    /// <param name="use">What to do.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string? database, string cluster, int gatewayPort, Func<IGrainFactory, Task<int>> use, CancellationToken cancel)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.SetMinimumLevel(LogLevel.None);
        var attempts = 0;
        builder.UseOrleansClient(client =>
        {
            client.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(10));
            if (database is null)
            {
                client.UseLocalhostClustering(gatewayPort, serviceId: cluster, clusterId: cluster);
            }
            else
            {
                client.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (cluster, cluster));
                client.UseAdoNetClustering((AdoNetClusteringClientOptions options) => (options.Invariant, options.ConnectionString) = (ClusterStore.PostgresInvariant, database));
            }

            client.UseConnectionRetryFilter(async (_, cancelled) =>
            {
                if (++attempts >= Attempts)
                    return false;
                await Task.Delay(Pause, cancelled);
                return true;
            });
        });
        using var host = builder.Build();
        try
        {
            await host.StartAsync(cancel);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Console.Error.WriteLine($"error: no silo of cluster '{cluster}' answers: {e.Message}");
            Console.Error.WriteLine("Start one, or name its cluster with --cluster and its database with --database (a silo without one: its --gateway-port).");
            return NotFound;
        }

        try
        {
            return await use(host.Services.GetRequiredService<IGrainFactory>());
        }
        finally
        {
            await host.StopAsync(CancellationToken.None);
        }
    }
}
