namespace Coordinator.Lab.Swarm;

/// <summary>What a measure is held to.</summary>
/// <param name="Name">In words.</param>
/// <param name="IsKept">Whether the measures keep it; what was not measured does not.</param>
public sealed record SwarmLimit(string Name, Func<IReadOnlyList<SwarmMeasure>, bool> IsKept)
{
    /// <summary>Limits for 12,500 nodes at a silo that is alone, on two cores.</summary>
    public static IReadOnlyList<SwarmLimit> Alone { get; } =
    [
        Within("connected", "all connected within 60 s", 60),
        Within("oneDead", "a dead node out at all survivors within 4 s", 4),
        Within("manyDead", "nodes that die at once out at all survivors within 12 s", 12),
        Within("siloDead", "the silo's death healed within 30 s", 30),
        new("silo under 4 GB", measures => measures is [.., var last] && last.Load.SiloPeakBytes < 4e9),
    ];

    /// <summary>Limits for 12,500 nodes at three silos on PostgreSQL, on the same two cores.</summary>
    public static IReadOnlyList<SwarmLimit> Several { get; } =
    [
        Within("connected", "everything known within 30 s", 30),
        Within("formed", "a generation formed within 15 s", 15),
        Within("manyDead", "nodes that die at once out at all survivors within 15 s", 15),
        new("it was formed once", measures => measures.Any(measure => measure is { Key: "formed", Generation: 1 })),
        Within("siloDead", "a silo's death healed within 20 s", 20),
        new("no silo over 1 GB", measures => measures is [.., var last] && last.Load.LargestSiloBytes <= 1e9),
    ];

    /// <summary>What silos of a backend are held to.</summary>
    public static IReadOnlyList<SwarmLimit> Of(SwarmOptions options) => options.Backend is { IsCluster: true } ? Several : Alone;

    private static SwarmLimit Within(string key, string name, double seconds) =>
        new(name, measures => measures.Any(measure => measure.Key == key && measure.Seconds <= seconds));
}
