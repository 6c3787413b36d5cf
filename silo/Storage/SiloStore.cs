using Coordinator.Disk;
using Coordinator.Server.Storage;
using Microsoft.Extensions.Logging;

namespace Coordinator.Silo.Storage;

/// <summary>Where a silo keeps everything durable: grain states, events and steps.</summary>
public abstract class SiloStore : IAsyncDisposable
{
    /// <summary>Whether other silos can share it.</summary>
    public abstract bool IsShared { get; }

    /// <summary>
    /// Whether what was handed over first is durable first, so that a turn need not wait between what it observed and its state.
    /// </summary>
    public abstract bool KeepsOrder { get; }

    /// <summary>Takes what grains observe.</summary>
    public abstract IObservationStore Observations { get; }

    /// <summary>Stored events and steps.</summary>
    public abstract IEventStore Events { get; }

    /// <summary>Why storage is of no use at the moment; null while it is well.</summary>
    public abstract string? Problem { get; }

    /// <summary>Opens what the settings name, and brings it to this build's schema.</summary>
    public static async Task<SiloStore> OpenAsync(SiloSettings settings, ILoggerFactory loggers, CancellationToken cancel = default)
    {
        PrivateFiles.CreateFolder(settings.DataDirectory, SqliteSiloStore.FileName, "token", "data", "models");
        return settings.Database is { } database
            ? await PostgresSiloStore.OpenAsync(settings, database, loggers, cancel).ConfigureAwait(false)
            : await SqliteSiloStore.OpenAsync(settings, loggers).ConfigureAwait(false);
    }

    /// <summary>The stored states of gpus: of few, since a healthy one has none.</summary>
    public abstract Task<IReadOnlyList<(string Key, string StateJson)>> ReadGpuStatesAsync();

    /// <summary>Sets up where Orleans keeps grain states.</summary>
    public abstract void AddGrainStorage(ISiloBuilder silo);

    /// <summary>Tells whoever finds the store taken where this silo listens.</summary>
    public virtual void NameHolder(string url)
    {
    }

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}
