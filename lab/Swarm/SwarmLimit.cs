namespace Coordinator.Lab.Swarm;

/// <summary>What a measure is held to.</summary>
/// <param name="Measure">Key of the measure; empty: the silos' memory.</param>
/// <param name="Name">In words.</param>
/// <param name="Most">Seconds, or bytes of memory.</param>
public sealed record SwarmLimit(string Measure, string Name, double Most)
{
    /// <summary>Limits for 12,500 nodes on two cores.</summary>
    public static IReadOnlyList<SwarmLimit> All { get; } =
    [
        new("connected", "all connected within 60 s", 60),
        new("oneDead", "a dead node out at all survivors within 1 s", 1),
        new("siloDead", "the silo's death healed within 30 s", 30),
        new("", "silo under 4 GB", 4e9),
    ];

    /// <summary>Whether the measures keep it; what was not measured does not.</summary>
    public bool IsKept(IReadOnlyList<SwarmMeasure> measures) => Measure.Length > 0
        ? measures.FirstOrDefault(measure => measure.Key == Measure) is { Seconds: { } seconds } && seconds <= Most
        : measures.Count > 0 && measures[^1].Load.SiloPeakBytes is { } bytes && bytes < Most;
}
