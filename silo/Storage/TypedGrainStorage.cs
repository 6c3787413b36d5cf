using Coordinator.Grains;
using Orleans.Storage;

namespace Coordinator.Silo.Storage;

/// <summary>
/// Stores a grain's state under its grain type and key. A <see cref="Grain{TGrainState}"/> calls its state just <c>state</c>, whatever
/// type of grain it is, and the AdoNet provider tells rows apart by that name and the key: a job named <c>cluster</c> would share a row
/// with the cluster's grain.
/// </summary>
internal sealed class TypedGrainStorage(IGrainStorage inner, StoredGpus gpus) : IGrainStorage
{
    /// <summary>Reads a state. A gpu without a row, as a healthy one is, is known by the answer to a question for many.</summary>
    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (NameOf(grainId) != GrainNames.Gpu || await gpus.HasAsync(grainId.Key.ToString()!))
            await inner.ReadStateAsync(NameOf(grainId), grainId, grainState);
        else
            (grainState.State, grainState.ETag, grainState.RecordExists) = (Activator.CreateInstance<T>(), null!, false);
    }

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => inner.WriteStateAsync(NameOf(grainId), grainId, grainState);

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => inner.ClearStateAsync(NameOf(grainId), grainId, grainState);

    private static string NameOf(GrainId grain) => grain.Type.ToString()!;
}
