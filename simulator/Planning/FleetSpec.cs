namespace Coordinator.Simulator.Planning;

/// <summary>
/// A cluster and the one job on it. A rank here is a whole copy of the model: as many nodes as hold it together. (The shipping product's rank is
/// one device; what is simulated with groups is the coordinator's protocol among them, not the parallelism within.)
/// </summary>
public sealed record FleetSpec
{
    /// <summary>Name of the preset, or of one's own.</summary>
    public string Name { get; init; } = "own";

    /// <summary>What the accelerators are called.</summary>
    public string Accelerator { get; init; } = "GPU";

    /// <summary>Nodes that compute.</summary>
    public int Nodes { get; init; } = 128;

    /// <summary>Accelerators of a node.</summary>
    public int GpusPerNode { get; init; } = 8;

    /// <summary>Nodes of one rank; divides <see cref="Nodes"/>.</summary>
    public int NodesPerRank { get; init; } = 1;

    /// <summary>Further nodes that wait to replace others.</summary>
    public int Spares { get; init; } = 4;

    /// <summary>A step's time with all ranks, in seconds.</summary>
    public double StepSeconds { get; init; } = 10;

    /// <summary>Shards of a batch for each rank at least; the number of shards is the power of two from there on.</summary>
    public int ShardsPerRank { get; init; } = 64;

    /// <summary>Parameters and moments of the model, in bytes: what a rank holds.</summary>
    public double StateBytes { get; init; } = 1e12;

    /// <summary>Bytes a second that a node sends or receives.</summary>
    public double NodeBytesPerSecond { get; init; } = 50e9;

    /// <summary>Bytes a second that the checkpoint store takes or gives, for all nodes together.</summary>
    public double StoreBytesPerSecond { get; init; } = 500e9;

    /// <summary>Watts of a computing accelerator with its share of the node.</summary>
    public double WattsPerGpu { get; init; } = 1_300;

    /// <summary>What fails, how often.</summary>
    public IReadOnlyList<FailureCause> Causes { get; init; } = FailureRates.Llama3;

    /// <summary>Times that recovery takes besides what follows from sizes.</summary>
    public RecoveryCosts Costs { get; init; } = new();

    /// <summary>Ranks of the job.</summary>
    public int Ranks => Nodes / NodesPerRank;

    /// <summary>Accelerators that compute.</summary>
    public long Gpus => (long)Nodes * GpusPerNode;

    /// <summary>Shards of a batch.</summary>
    public int Shards => (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(4, Ranks * ShardsPerRank));

    /// <summary>Seconds that the training waits while a checkpoint is copied aside: the state of a rank, from all of its devices' memory to the host's.</summary>
    public double SnapshotSeconds => StateBytes / Ranks / NodesPerRank / Costs.SnapshotBytesPerSecond;

    /// <summary>Seconds that writing one takes beside the training; each rank writes a slice.</summary>
    public double CheckpointWriteSeconds => Math.Max(StateBytes / StoreBytesPerSecond, StateBytes / Nodes / NodeBytesPerSecond);

    /// <summary>Seconds until everybody has read one: once from the store, then from each other.</summary>
    public double CheckpointReadSeconds => (StateBytes / StoreBytesPerSecond) + FetchSeconds;

    /// <summary>Seconds in which a newcomer has the state from those that hold it, node to node.</summary>
    public double FetchSeconds => StateBytes / NodesPerRank / NodeBytesPerSecond;

    /// <summary>What makes it impossible, in words that name the value and what is allowed; empty: nothing.</summary>
    public IEnumerable<(string Key, string Problem)> Problems()
    {
        if (Nodes is < 2 or > 200_000)
            yield return ("nodes", $"nodes is {Nodes} but must be 2 to 200000");
        if (NodesPerRank < 1 || Nodes % NodesPerRank != 0 || Nodes / NodesPerRank < 2)
            yield return ("nodes_per_rank", $"nodes_per_rank is {NodesPerRank} but must divide nodes, {Nodes}, into 2 ranks or more");
        if (ShardsPerRank < 1 || (long)Ranks * ShardsPerRank > 1 << 24)
            yield return ("shards_per_rank", $"shards_per_rank is {ShardsPerRank} but must be 1 or more, and at most {(1 << 24) / Math.Max(1, Ranks)} with {Ranks} ranks");
        if (!(StepSeconds is >= 0.01 and <= 3600))
            yield return ("step_seconds", FormattableString.Invariant($"step_seconds is {StepSeconds} but must be 0.01 to 3600"));
        if (Spares < 0)
            yield return ("spares", $"spares is {Spares} but must be 0 or more");
    }
}
