using Coordinator.Lab.Swarm;
using Coordinator.Runs.Clusters;

namespace Coordinator.Tests.Swarm;

/// <summary>What <c>swarm --assert</c> holds several silos to.</summary>
public sealed class SwarmLimitTests
{
    private static readonly SwarmOptions Three = new()
    {
        Nodes = 12_500,
        GpusPerNode = 8,
        Ranks = 12_500,
        Backend = new SiloBackend { Silos = 3 },
    };

    [Fact]
    public void Several_silos_are_held_to_limits_of_their_own()
    {
        Assert.All(SwarmLimit.Of(Three), limit => Assert.True(limit.IsKept(Measures()), limit.Name));
        Assert.Same(SwarmLimit.Alone, SwarmLimit.Of(Three with { Backend = SiloBackend.Alone }));
    }

    [Fact]
    public void Each_limit_of_several_silos_is_missed_by_what_it_is_about_alone()
    {
        Assert.Equal(["everything known within 30 s"], Missed(Measures(connected: 30.1)));
        Assert.Equal(["a generation formed within 15 s"], Missed(Measures(formed: 15.1)));
        Assert.Equal(["nodes that die at once out at all survivors within 15 s"], Missed(Measures(manyDead: 15.1)));
        Assert.Equal(["it was formed once"], Missed(Measures(generation: 2)));
        Assert.Equal(["a silo's death healed within 20 s"], Missed(Measures(siloDead: 20.1)));
        Assert.Equal(["a silo's death healed within 20 s"], Missed(Measures(siloDead: null)));
        Assert.Equal(["no silo over 1 GB"], Missed(Measures(largest: 1_000_000_001)));
        Assert.Equal(SwarmLimit.Several.Count, Missed([]).Count());
    }

    private static IEnumerable<string> Missed(SwarmMeasure[] measures) =>
        SwarmLimit.Several.Where(limit => !limit.IsKept(measures)).Select(limit => limit.Name);

    /// <summary>Three silos of a billion bytes at most: together they may have more.</summary>
    private static SwarmMeasure[] Measures(
        double? connected = 30, double? formed = 15, long generation = 1, double? siloDead = 20, long largest = 1_000_000_000,
        double? manyDead = 15) =>
    [
        Measure("connected", connected, largest),
        Measure("formed", formed, largest) with { Generation = generation },
        Measure("manyDead", manyDead, largest),
        Measure("siloDead", siloDead, largest),
    ];

    private static SwarmMeasure Measure(string key, double? seconds, long largest) =>
        new(
            key,
            key,
            seconds,
            seconds is null,
            "",
            0,
            0,
            0,
            null,
            null,
            new LoadSample(1, 1, 3 * largest, 3 * largest, 1) { LargestSiloBytes = largest });
}
