using Orleans.Storage;

namespace Coordinator.Silo.Storage;

/// <summary>
/// Stores a grain's state under its grain type and key. A <see cref="Grain{TGrainState}"/> calls its state just <c>state</c>, whatever
/// type of grain it is, and the AdoNet provider tells rows apart by that name and the key: a job named <c>cluster</c> would share a row
/// with the cluster's grain.
/// </summary>
internal sealed class TypedGrainStorage(IGrainStorage inner) : IGrainStorage
{
    /// <inheritdoc/>
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => inner.ReadStateAsync(NameOf(grainId), grainId, grainState);

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => inner.WriteStateAsync(NameOf(grainId), grainId, grainState);

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => inner.ClearStateAsync(NameOf(grainId), grainId, grainState);

    private static string NameOf(GrainId grain) => grain.Type.ToString()!;
}
