using System.Diagnostics;

namespace Coordinator.Runs.Clusters;

/// <summary>What a cluster on this machine consists of.</summary>
public sealed record LocalClusterOptions
{
    /// <summary>Worker processes. At least 1.</summary>
    public required int Workers { get; init; }

    /// <summary>Gpus (without accelerators: CPU devices) of each worker. At least 1.</summary>
    public int GpusPerWorker { get; init; } = 1;

    /// <summary>
    /// Arguments that name a worker's devices, from the worker's number. Null: the CPU, <see cref="GpusPerWorker"/> times.
    /// </summary>
    public Func<int, IEnumerable<string>>? Devices { get; init; }

    /// <summary>What hosts the grains.</summary>
    public SiloBackend Backend { get; init; } = SiloBackend.Alone;

    /// <summary>Port of the silo; 0 takes a free one.</summary>
    public int Port { get; init; }

    /// <summary>Address of this host on which silos listen for workers and clients. Default: loopback.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>Folder in which the workers save checkpoints; null: <c>checkpoints</c> in the cluster's directory.</summary>
    public string? CheckpointFolder { get; init; }

    /// <summary>
    /// Changes the command of a process before it starts, from its name and the command: puts it into a namespace, or gives it an
    /// environment. Null: as it is.
    /// </summary>
    public Func<string, ProcessStartInfo, ProcessStartInfo>? Launch { get; init; }

    /// <summary>What is done once the silos listen and before any worker starts; what it throws ends the cluster. Null: nothing.</summary>
    public Func<LocalCluster, Task>? BeforeWorkers { get; init; }

    /// <summary>Further arguments of a worker's start: (worker from 0, start from 1) to arguments. The demo arms faults with it.</summary>
    public Func<int, int, IEnumerable<string>> WorkerArguments { get; init; } = (_, _) => [];

    /// <summary>Told each line that a worker prints to standard error: (worker from 0, process id, line).</summary>
    public Action<int, int, string>? WorkerSaid { get; init; }
}
