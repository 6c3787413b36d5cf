using Coordinator.Grains.Hosting;
using Coordinator.Silo.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Storage;

namespace Coordinator.Tests.Orleans.Storage;

/// <summary>Two activations that were loaded at once: of their writes the second is refused, whatever grain storage there is.</summary>
internal static class StorageRace
{
    /// <summary>On Orleans' provider for ADO.NET.</summary>
    public static async Task RunAsync(string invariant, string database)
    {
        using var host = new HostBuilder().UseOrleans(silo => silo
            .UseLocalhostClustering(Coordinator.Runs.Processes.FreePorts.Next(), Coordinator.Runs.Processes.FreePorts.Next())
            .AddAdoNetGrainStorageAsDefault((AdoNetGrainStorageOptions options) => (
                options.Invariant,
                options.ConnectionString,
                options.GrainStorageSerializer) = (invariant, database, new StateSerializer()))).Build();
        await host.StartAsync();
        await RunAsync(host.Services.GetRequiredKeyedService<IGrainStorage>("Default"));
        await host.StopAsync();
    }

    public static async Task RunAsync(IGrainStorage storage)
    {
        var grain = GrainId.Create("trainingjob", "j1");
        var one = new GrainState<StoredMachine>(new StoredMachine());
        var other = new GrainState<StoredMachine>(new StoredMachine());
        await storage.ReadStateAsync("trainingjob", grain, one);
        await storage.ReadStateAsync("trainingjob", grain, other);
        Assert.False(one.RecordExists);

        one.State = new StoredMachine { Json = "first", Incarnation = 1, Sequence = 1, Writer = "a" };
        await storage.WriteStateAsync("trainingjob", grain, one);
        other.State = new StoredMachine { Json = "second", Incarnation = 1, Sequence = 1, Writer = "b" };
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("trainingjob", grain, other));

        await storage.ReadStateAsync("trainingjob", grain, other);
        Assert.Equal(("first", one.ETag), (other.State.Json, other.ETag));
        one.State = new StoredMachine { Json = new string('x', 1 << 20), Incarnation = 2, Sequence = 1, Writer = "a" };
        await storage.WriteStateAsync("trainingjob", grain, one);
        other.State = new StoredMachine { Json = "third", Incarnation = 1, Sequence = 2 };
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("trainingjob", grain, other));
        await storage.ReadStateAsync("trainingjob", grain, other);
        Assert.Equal(1 << 20, other.State.Json!.Length);
    }
}
