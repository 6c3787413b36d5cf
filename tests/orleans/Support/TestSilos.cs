using System.Collections.Concurrent;
using Coordinator.Grains.Hosting;
using Coordinator.Grains.Wire;
using Coordinator.Machines;
using Coordinator.Server.Storage;
using Coordinator.Silo.Storage;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime.Hosting;
using Orleans.Storage;
using Orleans.TestingHost;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans.Support;

/// <summary>A real Orleans cluster in this process whose silos keep their grains' states in a storage that the test holds.</summary>
public sealed class TestSilos : IAsyncDisposable
{
    private readonly InProcessTestCluster cluster;
    private readonly ConcurrentDictionary<string, RecordingServices> services = new();

    private TestSilos(string name, IGrainStorage storage, IObservationStore? events, short silos, Action<ISiloBuilder>? configure)
    {
        var builder = new InProcessTestClusterBuilder(silos);

        // Which directory of grains they have is for the product to say.
#pragma warning disable ORLEANSEXP003
        builder.Options.UseDistributedGrainDirectory = false;
#pragma warning restore ORLEANSEXP003
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddSingleton<IGrainServices>(provider =>
                services.GetOrAdd(name, _ => new RecordingServices(name, provider.GetRequiredService<IGrainFactory>(), events)));
            silo.Services.AddGrainStorage("Default", (_, _) => storage);
            silo.Services.AddMachineMessages();
            silo.UseInMemoryReminderService();
            configure?.Invoke(silo);
        });
        builder.ConfigureClient(client => client.Services.AddMachineMessages());
        cluster = builder.Build();
    }

    /// <summary>Talks to the grains from outside.</summary>
    public IGrainFactory Grains => cluster.Client;

    /// <summary>What the silos' grains were given, and what they sent to workers; made by the first grain.</summary>
    public RecordingServices Services => services.Values.Single();

    public InProcessTestCluster Cluster => cluster;

    /// <summary>Services of the process that talks to the grains from outside.</summary>
    public IServiceProvider Client => cluster.Client.ServiceProvider;

    public static Task<TestSilos> StartAsync(
        SharedStorage storage, string name = "silo-a", short silos = 1, Action<ISiloBuilder>? configure = null) =>
        StartAsync(new TestSilos(name, storage.SeenFrom(name), null, silos, configure));

    /// <summary>One silo on the storage of one that is alone.</summary>
    public static Task<TestSilos> StartAsync(SqliteStore store, SqliteCommits commits, string name) =>
        StartAsync(new TestSilos(name, new SqliteGrainStorage(store, commits), commits, 1, null));

    /// <summary>Delivers a message and waits for the end of its turn.</summary>
    public Task Deliver(GrainAddress to, GrainMessage message) => GrainCalls.Deliver(Grains, to, message);

    /// <summary>The first silo's process is gone, in the middle of whatever it did.</summary>
    public Task KillAsync() => cluster.KillSiloAsync(cluster.Silos[0]);

    public async ValueTask DisposeAsync()
    {
        await cluster.DisposeAsync();
        foreach (var each in services.Values)
            each.Dispose();
    }

    private static async Task<TestSilos> StartAsync(TestSilos silos)
    {
        await silos.cluster.DeployAsync();
        return silos;
    }
}
