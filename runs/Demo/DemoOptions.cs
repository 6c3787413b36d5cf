using Coordinator.Runs.Clusters;

namespace Coordinator.Runs.Demo;

/// <summary>What the demo is asked for.</summary>
public sealed record DemoOptions
{
    /// <summary>Data to train on; null: the repository's own sources and documents.</summary>
    public string? Data { get; init; }

    /// <summary>Seed of the training and of the kills.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Full path of the directory for the model files.</summary>
    public required string Output { get; init; }

    /// <summary>What the trained model goes on from.</summary>
    public required string Prompt { get; init; }

    /// <summary>Where databases and logs go and stay; null: a temporary directory.</summary>
    public string? WorkDirectory { get; init; }

    /// <summary>What hosts the grains.</summary>
    public SiloBackend Backend { get; init; } = SiloBackend.Alone;

    /// <summary>Arguments that name a worker's devices, from the worker's number. Null: the CPU.</summary>
    public Func<int, IEnumerable<string>>? Devices { get; init; }

    /// <summary>Tiny and short, for tests.</summary>
    public bool Quick { get; init; }

    /// <summary>
    /// Optimizer steps, from <see cref="KillSchedule.MinSteps"/>; null: as many as the plan has. A slow device wants fewer.
    /// </summary>
    public long? Steps { get; init; }

    /// <summary>Whether one bit of one contribution is flipped in the disturbed run: the negative control.</summary>
    public bool Flip { get; init; }
}
