using Coordinator.Machines;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Devices;
using Coordinator.Worker.Ranks;

namespace Coordinator.Worker.Agent;

/// <summary>
/// Writes final models to a temporary file and brings them to a silo. Equal numbers give equal bytes, so it may be asked again.
/// </summary>
/// <param name="files">The silos' files.</param>
/// <param name="layout">Tensors of a job's model, in any order.</param>
/// <param name="directory">Where the temporary file lies meanwhile; null: the system's.</param>
public sealed class SiloModelSink(SiloFiles files, Func<JobSpec, IReadOnlyList<ModelTensor>> layout, string? directory = null) : IModelSink
{
    /// <inheritdoc/>
    public async Task StoreAsync(
        JobId job, JobSpec spec, long step, IReadOnlyList<ModelTensor>? tensors, HostFloats parameters, CancellationToken cancel)
    {
        var path = Path.Combine(directory ?? Path.GetTempPath(), $"coordinator-{Environment.ProcessId}-{Guid.NewGuid():n}.safetensors");
        try
        {
            var sha256 = ModelFile.Write(path, spec, tensors ?? layout(spec), parameters);
            await files.PutModelAsync(job, step, path, sha256, cancel).ConfigureAwait(false);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
