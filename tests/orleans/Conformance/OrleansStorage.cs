using System.Collections.Concurrent;
using System.Globalization;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Orleans.Storage;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Tests.Orleans.Conformance;

/// <summary>The transcript's storage as Orleans' grain storage, with ETags.</summary>
internal sealed class OrleansStorage(OrleansWorld world, ConcurrentDictionary<GrainAddress, string> writers, CancellationToken dead) : IGrainStorage
{
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        world.Active();
        var address = AddressOf(grainId);
        var stored = world.Storage.Find(address);
        grainState.State = (T)(object)(stored is null
            ? new StoredMachine()
            : new StoredMachine { Json = stored.Json, Incarnation = stored.Incarnation, Sequence = stored.Sequence, Writer = WriterOf(address) });
        (grainState.ETag, grainState.RecordExists) = (ETagOf(address)!, stored is not null);
        return Task.CompletedTask;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        dead.ThrowIfCancellationRequested();
        var address = AddressOf(grainId);
        var machine = (StoredMachine)(object)grainState.State!;
        var state = new PersistState(machine.Json!, machine.Incarnation, machine.Sequence);
        try
        {
            if (!await world.MayWriteAsync(address, state, dead) || (ETagOf(address) != grainState.ETag && !world.Storage.RefusesNobody))
                throw new InconsistentStateException($"{address} was written by another", ETagOf(address), grainState.ETag);
        }
        catch (TimeoutException)
        {
            writers[address] = machine.Writer!;
            throw;
        }

        dead.ThrowIfCancellationRequested();
        world.Storage.Write(address, state);
        writers[address] = machine.Writer!;
        (grainState.ETag, grainState.RecordExists) = (ETagOf(address)!, true);
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => throw new NotSupportedException();

    private static GrainAddress AddressOf(GrainId grain)
    {
        var type = grain.Type.ToString()!;
        var kind = type.Contains("cluster", StringComparison.Ordinal) ? GrainKind.Cluster : type.Contains("gpu", StringComparison.Ordinal) ? GrainKind.Gpu : GrainKind.Job;
        return new GrainAddress(kind, grain.Key.ToString()!);
    }

    private string? ETagOf(GrainAddress grain) => world.Storage.Find(grain) is { } stored
        ? string.Create(CultureInfo.InvariantCulture, $"{stored.Incarnation}.{stored.Sequence}.{WriterOf(grain)}")
        : null;

    /// <summary>What a transcript put there was written by nobody that we know.</summary>
    private string WriterOf(GrainAddress grain) => writers.GetValueOrDefault(grain, "another");
}
