namespace Coordinator.Cli.Local;

/// <summary>What a cluster on this machine consists of.</summary>
public sealed record LocalClusterOptions
{
    /// <summary>Worker processes. At least 1.</summary>
    public required int Workers { get; init; }

    /// <summary>Gpus (without accelerators: CPU devices) of each worker. At least 1.</summary>
    public int GpusPerWorker { get; init; } = 1;

    /// <summary>Arguments that name a worker's devices, from the worker's number. Null: the CPU, <see cref="GpusPerWorker"/> times.</summary>
    public Func<int, IEnumerable<string>>? Devices { get; init; }

    /// <summary>What hosts the grains.</summary>
    public SiloBackend Backend { get; init; } = SiloBackend.Embedded;

    /// <summary>Loopback port of the silo; 0 takes a free one.</summary>
    public int Port { get; init; }

    /// <summary>Further arguments of a worker's start: (worker from 0, start from 1) to arguments. The demo arms faults with it.</summary>
    public Func<int, int, IEnumerable<string>> WorkerArguments { get; init; } = (_, _) => [];

    /// <summary>Told each line that a worker prints to standard error: (worker from 0, process id, line).</summary>
    public Action<int, int, string>? WorkerSaid { get; init; }
}
