using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Coordinator.Silo.Gateway;
using Coordinator.Silo.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using GrainAddress = Coordinator.Machines.GrainAddress;

namespace Coordinator.Silo.Hosting;

/// <summary>What this silo gives its grains.</summary>
public sealed partial class GrainServices(
    SiloSettings settings,
    GrainOutbox outbox,
    WorkerRoutes workers,
    SiloStore store,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    ILogger<GrainServices> logger) : IGrainServices
{
    private readonly long startedAt = time.GetTimestamp();

    /// <inheritdoc/>
    public string Silo => settings.Name;

    /// <inheritdoc/>
    public MachineSettings Machines => settings.Machines;

    /// <inheritdoc/>
    public TimeSpan Now => time.GetElapsedTime(startedAt);

    /// <inheritdoc/>
    public DateTimeOffset? TimeOfDay => time.GetUtcNow();

    /// <inheritdoc/>
    public CancellationToken Stopping => lifetime.ApplicationStopping;

    /// <inheritdoc/>
    public bool StoresInOrder => store.KeepsOrder;

    /// <inheritdoc/>
    public Task<bool> Store(GrainAddress grain, long incarnation, IReadOnlyList<Output> observations) =>
        store.Observations.StoreAsync(grain, incarnation, observations);

    /// <inheritdoc/>
    public void Send(NodeId node, CoordinatorMessage message) => workers.Send(node, message);

    /// <inheritdoc/>
    public WorkerSaid? LastHeard(NodeId node) => workers.LastHeard(node);

    /// <inheritdoc/>
    public void Send(GrainAddress to, GrainMessage message) => outbox.Send(to, message);

    /// <inheritdoc/>
    public void OnStorageAway(GrainAddress grain, Exception why) => StorageAway(logger, grain, why.Message);

    /// <inheritdoc/>
    public void OnGivenUp(GrainAddress grain, Exception why)
    {
        if (why is GivenUpException or OperationCanceledException)
            GivenUp(logger, grain, why.Message);
        else
            Broken(logger, grain, why);
    }

    [LoggerMessage(1, LogLevel.Warning, "{Grain}: storage did not answer as it should; trying again: {Why}")]
    private static partial void StorageAway(ILogger logger, GrainAddress grain, string why);

    [LoggerMessage(2, LogLevel.Warning, "{Grain}: this activation gives up: {Why}")]
    private static partial void GivenUp(ILogger logger, GrainAddress grain, string why);

    [LoggerMessage(3, LogLevel.Critical, "{Grain} broke an invariant; it is loaded again from what is stored")]
    private static partial void Broken(ILogger logger, GrainAddress grain, Exception why);
}
