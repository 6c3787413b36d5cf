namespace Coordinator.Simulator.Planning;

/// <summary>Clusters of the commissioning articles. Sizes are theirs; nodes a rank, step times, state and power beside them are assumed, and said so in docs/scale.md.</summary>
public static class FleetPresets
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<FleetSpec> All { get; } =
    [
        new() { Name = "llama3-16k", Accelerator = "NVIDIA H100", Nodes = 2048, NodesPerRank = 16, Spares = 24, StepSeconds = 6, StateBytes = 405e9 * 14 },
        new() { Name = "eagle", Accelerator = "NVIDIA H100", Nodes = 1800, NodesPerRank = 8, Spares = 20, StepSeconds = 6, StateBytes = 175e9 * 14 },
        new() { Name = "grok2-20k", Accelerator = "NVIDIA H100", Nodes = 2500, NodesPerRank = 20, Spares = 28, StepSeconds = 8, StateBytes = 314e9 * 14 },
        new() { Name = "frontier", Accelerator = "AMD MI250X", Nodes = 9500, GpusPerNode = 4, NodesPerRank = 20, Spares = 100, StepSeconds = 10, StateBytes = 175e9 * 14, WattsPerGpu = 550 },
        new() { Name = "aurora", Accelerator = "Intel GPU Max", Nodes = 10_000, GpusPerNode = 6, NodesPerRank = 20, Spares = 110, StepSeconds = 10, StateBytes = 175e9 * 14, WattsPerGpu = 600 },
        new() { Name = "colossus-100k", Accelerator = "NVIDIA H100", Nodes = 12_500, NodesPerRank = 25, Spares = 140, StepSeconds = 10, StateBytes = 1e12 * 14, WattsPerGpu = 1_500 },
        new() { Name = "colossus-1m", Accelerator = "NVIDIA GPU", Nodes = 125_000, NodesPerRank = 125, Spares = 1_400, StepSeconds = 20, StateBytes = 5e12 * 14, WattsPerGpu = 1_500, StoreBytesPerSecond = 5e12 },
    ];

    /// <summary>The preset of a name; null where there is none.</summary>
    public static FleetSpec? Find(string name) => All.FirstOrDefault(preset => preset.Name == name);
}
