using System.Net.Http.Json;
using Coordinator.Machines;
using Coordinator.Server.Api;

namespace Coordinator.Server.Client;

/// <content>Maintenance.</content>
public sealed partial class CoordinatorClient
{
    /// <summary>What is drained, by name; nothing where the silo is of a build that drains nothing.</summary>
    public async Task<IReadOnlyList<DrainView>> GetDrainsAsync(CancellationToken cancel = default) =>
        (await FindAsync("drains", ApiJson.Default.DrainsBody, cancel).ConfigureAwait(false))?.Items ?? [];

    /// <summary>Drains nodes or gpus.</summary>
    /// <returns>What is drained after that.</returns>
    public Task<IReadOnlyList<DrainView>> DrainAsync(DrainRequest wanted, CancellationToken cancel = default) =>
        ChangeDrainsAsync("drain", wanted, cancel);

    /// <summary>Gives nodes or gpus work again.</summary>
    /// <returns>What is drained after that.</returns>
    public Task<IReadOnlyList<DrainView>> UncordonAsync(DrainRequest wanted, CancellationToken cancel = default) =>
        ChangeDrainsAsync("uncordon", wanted, cancel);

    /// <summary>Says of a gpu whether it may be given work.</summary>
    /// <returns>The gpu after that.</returns>
    public Task<GpuView> MarkGpuAsync(GpuId gpu, MarkRequest mark, CancellationToken cancel = default) => ChangeAsync(
        HttpMethod.Post,
        $"gpus/{Escape(gpu.Node.Value)}/{gpu.Index}/mark",
        () => JsonContent.Create(mark, ApiJson.Default.MarkRequest),
        MachinesJson.Default.GpuView,
        cancel);

    private async Task<IReadOnlyList<DrainView>> ChangeDrainsAsync(string path, DrainRequest wanted, CancellationToken cancel) =>
        (await ChangeAsync(
            HttpMethod.Post, path, () => JsonContent.Create(wanted, ApiJson.Default.DrainRequest), ApiJson.Default.DrainsBody, cancel)
            .ConfigureAwait(false)).Items;
}
