using Coordinator.Grains.Wire;
using Coordinator.Silo.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;

namespace Coordinator.Silo.Operator;

/// <summary>An Orleans client of a cluster, for the operator's commands.</summary>
internal static class ClusterClient
{
    private const int Attempts = 4;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Connects, asks the grains, and disconnects.</summary>
    /// <exception cref="ClusterAwayException">No silo answers.</exception>
    public static async Task<T> AskAsync<T>(ClusterPlace place, Func<IGrainFactory, Task<T>> ask, CancellationToken cancel)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.SetMinimumLevel(LogLevel.None);
        var attempts = 0;
        builder.Services.AddMachineMessages();
        builder.UseOrleansClient(client =>
        {
            client.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(10));
            client.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (place.Cluster, place.Cluster));
            client.UseAdoNetClustering((AdoNetClusteringClientOptions options) =>
                (options.Invariant, options.ConnectionString) = (PostgresSiloStore.Invariant, place.Database));
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
            throw new ClusterAwayException(place.Cluster, e);
        }

        try
        {
            return await ask(host.Services.GetRequiredService<IGrainFactory>());
        }
        finally
        {
            await host.StopAsync(CancellationToken.None);
        }
    }
}
