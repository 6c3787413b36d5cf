using System.Data.Common;
using Coordinator.Grains;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Machines.Gpus;
using Coordinator.Server.Api;
using Coordinator.Server.Gateway;
using Coordinator.Server.Hosting;
using Coordinator.Server.Storage;
using Coordinator.Silo.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Silo.Hosting;

/// <summary>
/// One silo of a cluster in this process: Orleans with the grains, the workers' gateway and the API. Killed at any moment it loses
/// nothing that anybody was told: its grains are loaded by the other silos, and its workers connect to them.
/// </summary>
public sealed partial class OrleansSilo : IAsyncDisposable
{
    /// <summary>What <c>GET /info</c> names as the engine.</summary>
    public const string EngineName = "orleans";

    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(1);

    private readonly SiloStore store;
    private readonly SiloServer server;
    private readonly OrleansGrainHost host;
    private readonly string name;
    private int stopped;

    private OrleansSilo(SiloStore store, SiloServer server, OrleansGrainHost host, string name, string token) =>
        (this.store, this.server, this.host, this.name, Token) = (store, server, host, name, token);

    /// <summary>Where it listens, with the port that it got.</summary>
    public string Url => server.Url;

    /// <summary>The bearer token that workers and clients need.</summary>
    public string Token { get; }

    /// <summary>Stored events and steps.</summary>
    public IEventStore Events => store.Events;

    /// <summary>Starts a silo and, with a database, joins the cluster.</summary>
    public static async Task<OrleansSilo> StartAsync(SiloSettings settings, ILoggerFactory loggers, CancellationToken cancel = default)
    {
        ListenAddress.Parse(settings.Url);
        var token = SiloToken.OfSilo(settings.TokenFile, settings.DataDirectory, loggers);
        var store = await SiloStore.OpenAsync(settings, loggers, cancel).ConfigureAwait(false);
        try
        {
            var links = new WorkerLinks();
            IServiceProvider? services = null;
            var orleans = new Lazy<(IGrainFactory, GrainOutbox)>(
                () => (services!.GetRequiredService<IGrainFactory>(), services!.GetRequiredService<GrainOutbox>()));
            var host = new OrleansGrainHost(orleans, store.Observations);
            var server = await SiloServer.StartAsync(
                new SiloServerOptions
                {
                    Url = settings.Url,
                    Token = token,
                    DataDirectory = settings.DataDirectory,
                    SiloName = settings.Name,
                    EngineName = EngineName,
                    Grains = host,
                    Events = store.Events,
                    Links = links,

                    // Nodes' grains live where their connections are, and ask for what was held back.
                    Gateway = store.IsShared ? new() : new() { LongestHeartbeatSpacing = TimeSpan.FromSeconds(4) },
                    ValidateJob = JobProblem.Of,
                    HoldsAllData = !store.IsShared,
                    Problem = () => store.Problem,
                    Observe = store.Observations.AppendAsync,
                    Loggers = loggers,
                    ConfigureHost = builder => OrleansHosting.Configure(builder, settings, store, links),
                    MapPages = app =>
                    {
                        services = app.Services;
                        OrleansHosting.MapPages(app, settings);
                    },
                },
                cancel).ConfigureAwait(false);
            store.NameHolder(server.Url);
            if (!store.IsShared)
                await WakeAsync(orleans.Value.Item1, store).ConfigureAwait(false);
            await WakeGpusAsync(orleans.Value.Item1, store, loggers.CreateLogger<OrleansSilo>()).ConfigureAwait(false);
            await store.Observations.AppendAsync(new CoordinatorEvent
            {
                Kind = EventKinds.Silo,
                Cause = "started",
                Text = $"silo {settings.Name} started, process {Environment.ProcessId}",
            }).ConfigureAwait(false);
            return new OrleansSilo(store, server, host, settings.Name, token);
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Hands the grains over to the other silos, closes the workers' connections, and stops. Repeatable.</summary>
    public async Task StopAsync()
    {
        if (Interlocked.Exchange(ref stopped, 1) != 0)
            return;
        if (!store.IsShared)
            host.Close();
        await server.StopAsync().ConfigureAwait(false);
        try
        {
            await store.Observations.AppendAsync(new CoordinatorEvent
            {
                Kind = EventKinds.Silo,
                Cause = "stopped",
                Text = $"silo {name} stopped",
            }).WaitAsync(StopPatience).ConfigureAwait(false);
        }
        catch (Exception away) when (away is DbException or TimeoutException or OperationCanceledException)
        {
            // Storage is away, and this event is not worth waiting for it.
        }

        await store.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    /// <summary>
    /// A silo that is alone has nobody who kept its reminders: asking the cluster and the jobs loads them, and they go on by themselves.
    /// </summary>
    private static async Task WakeAsync(IGrainFactory grains, SiloStore store)
    {
        await GrainCalls.Find(grains, GrainAddress.Cluster).Describe().ConfigureAwait(false);
        foreach (var job in await store.Observations.ListJobsAsync().ConfigureAwait(false))
            await grains.GetGrain<ITrainingJobGrain>(job.Value).Describe().ConfigureAwait(false);
    }

    /// <summary>
    /// Gpus that have something to do by themselves. Those on the cluster's record are woken when their nodes come, and the record may be
    /// behind by what a death took along; that of an earlier build is empty. One that cannot be loaded costs itself alone.
    /// </summary>
    private static async Task WakeGpusAsync(IGrainFactory grains, SiloStore store, ILogger logger)
    {
        foreach (var (key, state) in await store.ReadGpuStatesAsync().ConfigureAwait(false))
        {
            try
            {
                var gpu = GpuId.Parse(key);
                if (GpuMachine.NeedsWaking(gpu, state))
                    await GrainCalls.Find(grains, GrainAddress.Of(gpu)).Describe().ConfigureAwait(false);
            }
            catch (Exception e) when (e is FormatException or OrleansException or InvalidOperationException or TimeoutException)
            {
                NotWoken(logger, key, e.Message);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "the grain of gpu {Gpu} cannot be loaded: {Why}")]
    private static partial void NotWoken(ILogger logger, string gpu, string why);
}
