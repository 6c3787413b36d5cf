using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Dashboard;

namespace Coordinator.Silo.Hosting;

/// <summary>
/// Starts the dashboard of a silo that is alone when somebody looks for the first time, and not with the silo: it loads a library of
/// metrics that would be a quarter of the silo's start, and from then on reads all counters each second. What it shows begins there. On a
/// cluster each silo's part starts with the silo, since whoever looks at one sees all. Thread-safe.
/// </summary>
internal sealed class DashboardStart(Func<IHostedService> create) : IAsyncDisposable
{
    private readonly Lock gate = new();
    private IHostedService? host;
    private Task? started;

    /// <summary>Takes the dashboard's own start out of the services, and leaves it to the first look.</summary>
    public static void Defer(IServiceCollection services)
    {
        var eager = services.Single(
            service => service.ServiceType == typeof(IHostedService) && IsOfDashboard(service.ImplementationFactory));
        services.Remove(eager);
        services.AddSingleton(provider => new DashboardStart(() => (IHostedService)eager.ImplementationFactory!(provider)));
    }

    private static bool IsOfDashboard(Delegate? factory) => factory?.Method.Module.Assembly == typeof(DashboardOptions).Assembly;

    /// <summary>Ends when the dashboard has started.</summary>
    public Task EnsureAsync()
    {
        lock (gate)
        {
            host ??= create();
            return started ??= host.StartAsync(CancellationToken.None);
        }
    }

    /// <summary>Stops what was started; the services themselves dispose of it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (host is not null)
            await host.StopAsync(CancellationToken.None).ConfigureAwait(false);
    }
}
