namespace Coordinator.Planning.Simulation;

/// <summary>
/// Clusters of the commissioning articles. Sizes are theirs, and so are the 150 and 100 MW of Memphis; nodes a rank, step times, state,
/// shared parts and power beside them are assumed, and said so in docs/scale.md.
/// </summary>
public static class FleetPresets
{
    private const string Nvidia = "NVIDIA H100";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<FleetSpec> All { get; } =
    [
        // The reference: its counts of interruptions hold everything that happened, shared parts too.
        new()
        {
            Name = "llama3-16k",
            Accelerator = Nvidia,
            Nodes = 2048,
            NodesPerRank = 16,
            Spares = 24,
            StepSeconds = 6,
            StateBytes = 405e9 * 14,
        },
        new()
        {
            Name = "eagle",
            Accelerator = Nvidia,
            Nodes = 1800,
            NodesPerRank = 8,
            Spares = 20,
            StepSeconds = 6,
            StateBytes = 175e9 * 14,
            Shared = Parts(rack: 4, zone: 300),
        },
        new()
        {
            Name = "grok2-20k",
            Accelerator = Nvidia,
            Nodes = 2500,
            NodesPerRank = 20,
            Spares = 28,
            StepSeconds = 8,
            StateBytes = 314e9 * 14,
            Shared = Parts(rack: 4, zone: 300),
        },
        new()
        {
            Name = "frontier",
            Accelerator = "AMD MI250X",
            Nodes = 9500,
            GpusPerNode = 4,
            NodesPerRank = 20,
            Spares = 100,
            StepSeconds = 10,
            StateBytes = 175e9 * 14,
            WattsPerGpu = 550,
            Shared = Parts(rack: 128, zone: 1_000),
        },
        new()
        {
            Name = "aurora",
            Accelerator = "Intel GPU Max",
            Nodes = 10_000,
            GpusPerNode = 6,
            NodesPerRank = 20,
            Spares = 110,
            StepSeconds = 10,
            StateBytes = 175e9 * 14,
            WattsPerGpu = 600,
            Shared = Parts(rack: 64, zone: 1_000),
        },
        Colossus with
        {
            Name = "colossus-100k",
            Power = Memphis with { SiteCapMegawatts = 150, ApprovalLineMegawatts = 100, RampMegawattsPerMinute = 30 },
        },
        Million with
        {
            Name = "colossus-1m", Nodes = 125_000, NodesPerRank = 125, StepSeconds = 20, StateBytes = 5e12 * 14, StoreBytesPerSecond = 5e12,
        },

        // One job from the first day on. Its batch is that of the million, so a tenth of the nodes takes ten times as long for a step.
        Million with
        {
            Name = "colossus-growth",
            Nodes = 12_500,
            NodesPerRank = 125,
            StepSeconds = 20,
            StateBytes = 1e12 * 14,
            StoreBytesPerSecond = 5e12,
            Growth = [new(15, 12_500), new(30, 25_000), new(50, 37_500), new(70, 37_500)],
        },
    ];

    private static FleetSpec Colossus => new()
    {
        Accelerator = Nvidia,
        Nodes = 12_500,
        NodesPerRank = 25,
        Spares = 140,
        StepSeconds = 10,
        StateBytes = 1e12 * 14,
        Shared = Parts(rack: 8, zone: 500),
        Power = Memphis,
    };

    private static FleetSpec Million => Colossus with
    {
        Accelerator = "NVIDIA GPU",
        Spares = 1_400,
        Shared = Parts(rack: 8, zone: 1_000),
        Power = Memphis with { RampMegawattsPerMinute = 300 },
    };

    /// <summary>12 kW a node with its cooling: 150 MW for 12,500 of them.</summary>
    private static PowerSpec Memphis => new() { NodeWatts = 10_000, Overhead = 1.2 };

    /// <summary>The preset of a name; null where there is none.</summary>
    public static FleetSpec? Find(string name) => All.FirstOrDefault(preset => preset.Name == name);

    /// <summary>
    /// Parts that nodes share. All assumed: a rack fails once in twenty years, a switch of four racks or more likewise, a power zone every
    /// second year, a cooling zone, twice as large, too.
    /// </summary>
    private static SharedPart[] Parts(int rack, int zone) =>
    [
        new("rack", rack, 0.05, 8), new("switch", Math.Min(Math.Max(32, rack), zone), 0.05, 4), new("power_zone", zone, 0.5, 4),
        new("cooling_zone", zone * 2, 0.5, 6),
    ];
}
