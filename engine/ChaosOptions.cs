namespace Coordinator.Engine;

/// <summary>
/// A hostile, repeatable delivery of messages between grains, for tests: the same seed and the same turns give the same
/// faults. Messages from outside and to workers are left alone, since those have order.
/// </summary>
public sealed record ChaosOptions
{
    /// <summary>Root of every random choice.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Probability that a message is lost, 0 to 1.</summary>
    public double Loss { get; init; } = 0.1;

    /// <summary>Probability that a message arrives twice, 0 to 1.</summary>
    public double Repeat { get; init; } = 0.1;

    /// <summary>Probability that a message is overtaken by later ones, 0 to 1.</summary>
    public double Reorder { get; init; } = 0.2;
}
