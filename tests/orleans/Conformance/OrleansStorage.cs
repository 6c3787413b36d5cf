using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Orleans.Storage;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>The transcript's disk as Orleans' grain storage, to one silo process.</summary>
internal sealed class OrleansStorage(OrleansWorld world, OrleansDisk disk, CancellationToken dead) : IGrainStorage
{
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        world.Active();
        var (state, tag) = disk.Find(AddressOf(grainId));
        if (world.Fences.HasFlag(OrleansFences.LoadsNothing))
            state = null;
        grainState.State = (T)(object)(state ?? new StoredMachine());
        (grainState.ETag, grainState.RecordExists) = (tag!, state is not null);
        return Task.CompletedTask;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        grainState.ETag = await disk.WriteAsync(AddressOf(grainId), (StoredMachine)(object)grainState.State!, grainState.ETag, dead);
        grainState.RecordExists = true;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        throw new NotSupportedException("no grain is ever cleared");

    /// <summary>The machine that a grain hosts.</summary>
    public static GrainAddress AddressOf(GrainId grain)
    {
        var type = grain.Type.ToString()!;
        var kind = type.Contains("cluster", StringComparison.Ordinal) ? GrainKind.Cluster : type.Contains(
            "gpu", StringComparison.Ordinal) ? GrainKind.Gpu
            : type.Contains("gang", StringComparison.Ordinal) ? GrainKind.Gang : GrainKind.Job;
        return new GrainAddress(kind, grain.Key.ToString()!);
    }
}
