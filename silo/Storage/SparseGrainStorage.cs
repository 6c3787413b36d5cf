using Coordinator.Grains;
using Orleans.Storage;

namespace Coordinator.Silo.Storage;

/// <summary>
/// Grain storage in which hardly a gpu has a row. A gpu without one, as a healthy one is, is known by the answer to a question for many,
/// and not by a read of its own; all else the provider does. Rows are found by the state's name, which is the grain's type, and the key.
/// </summary>
internal sealed class SparseGrainStorage(IGrainStorage inner, StoredGpus gpus) : IGrainStorage
{
    /// <inheritdoc/>
    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (stateName != GrainNames.Gpu || await gpus.HasAsync(grainId.Key.ToString()!))
            await inner.ReadStateAsync(stateName, grainId, grainState);
        else
            (grainState.State, grainState.ETag, grainState.RecordExists) = (Activator.CreateInstance<T>(), null!, false);
    }

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        inner.WriteStateAsync(stateName, grainId, grainState);

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        inner.ClearStateAsync(stateName, grainId, grainState);
}
