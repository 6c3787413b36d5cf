using Coordinator.Machines;

namespace Coordinator.Engine;

/// <summary>Settings of an embedded engine.</summary>
public sealed record EngineOptions
{
    /// <summary>Name of the silo, handed to every machine in <see cref="Activated"/>.</summary>
    public required string Silo { get; init; }

    /// <summary>
    /// Builds a machine from its stored state (null: none stored). Null where no such grain can exist; its messages are dropped.
    /// An exception means that the state cannot be read: a broken invariant.
    /// </summary>
    public required Func<GrainAddress, string?, IMachine?> MachineFactory { get; init; }

    /// <summary>Source of monotonic and wall time, and of the timer.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Turns run before incoming messages are looked at again. At least 1; small values cost throughput, large ones latency.</summary>
    public int TurnsPerRound { get; init; } = 4096;

    /// <summary>Outputs that may wait for storage before turns stop and messages wait instead. At least 1.</summary>
    public int MaxWaitingOutputs { get; init; } = 65536;

    /// <summary>Wait after the first failed try to reach storage; doubled by each further one. Above zero.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Longest wait between two tries to reach storage. At least <see cref="RetryDelay"/>.</summary>
    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Loses, repeats and reorders messages between grains; null, as in production: delivers each once and in order.</summary>
    public ChaosOptions? Chaos { get; init; }

    /// <summary>
    /// Called when a machine throws. The engine runs no further turn afterwards. Null ends the process at once: a machine
    /// in an unknown state must neither write nor speak.
    /// </summary>
    public Action<BrokenInvariant>? OnBrokenInvariant { get; init; }
}

/// <summary>A machine threw.</summary>
/// <param name="Grain">The grain.</param>
/// <param name="Message">What it was handling, as a type name; null while it was being built.</param>
/// <param name="Exception">What it threw.</param>
public sealed record BrokenInvariant(GrainAddress Grain, string? Message, Exception Exception);
