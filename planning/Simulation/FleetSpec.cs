namespace Coordinator.Planning.Simulation;

/// <summary>
/// A cluster and the one job on it. A rank here is a whole copy of the model: as many nodes as hold it together. (The shipping product's
/// rank is one device; what is simulated with groups is the coordinator's protocol among them, not the parallelism within.)
/// </summary>
public sealed record FleetSpec
{
    /// <summary>Name of the preset, or of one's own.</summary>
    public string Name { get; init; } = "own";

    /// <summary>What the accelerators are called.</summary>
    public string Accelerator { get; init; } = "GPU";

    /// <summary>Nodes that compute, at the start.</summary>
    public int Nodes { get; init; } = 128;

    /// <summary>Accelerators of a node.</summary>
    public int GpusPerNode { get; init; } = 8;

    /// <summary>Nodes of one rank; divides <see cref="Nodes"/> and every tranche of growth.</summary>
    public int NodesPerRank { get; init; } = 1;

    /// <summary>Further nodes that wait to replace others.</summary>
    public int Spares { get; init; } = 4;

    /// <summary>
    /// A step's time with all ranks, in seconds. The batch is the job's and never changes: with half of the ranks it takes twice as long.
    /// </summary>
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

    /// <summary>Seconds between checkpoints; null: by the shipped rule (Young and Daly).</summary>
    public double? CheckpointSeconds { get; init; }

    /// <summary>What fails, how often.</summary>
    public IReadOnlyList<FailureCause> Causes { get; init; } = FailureRates.Llama3;

    /// <summary>What takes many nodes at once when it fails, besides <see cref="Causes"/>.</summary>
    public IReadOnlyList<SharedPart> Shared { get; init; } = [];

    /// <summary>Nodes that are added while the job runs.</summary>
    public IReadOnlyList<GrowthTranche> Growth { get; init; } = [];

    /// <summary>Electricity.</summary>
    public PowerSpec Power { get; init; } = new();

    /// <summary>Times that recovery takes besides what follows from sizes.</summary>
    public RecoveryCosts Costs { get; init; } = new();

    /// <summary>Causes of failures, those of shared parts last.</summary>
    public IReadOnlyList<FailureCause> AllCauses => [.. Causes, .. Shared.Select(part => part.Cause)];

    /// <summary>Nodes that compute once all tranches are there.</summary>
    public int AllNodes => Nodes + Growth.Sum(tranche => tranche.Nodes);

    /// <summary>Ranks that the job asks for: those of <see cref="AllNodes"/>.</summary>
    public int Ranks => AllNodes / NodesPerRank;

    /// <summary>Accelerators of so many ranks.</summary>
    public long GpusOf(int ranks) => (long)ranks * NodesPerRank * GpusPerNode;

    /// <summary>Accelerators that compute once all tranches are there.</summary>
    public long Gpus => (long)AllNodes * GpusPerNode;

    /// <summary>Shards of a batch.</summary>
    public int Shards => (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(4, Ranks * ShardsPerRank));

    /// <summary>
    /// Seconds that so many ranks wait while a checkpoint is copied aside: a rank's slice of the state, from all of its devices' memory to
    /// the host's.
    /// </summary>
    public double SnapshotSeconds(int ranks) => StateBytes / ranks / NodesPerRank / Costs.SnapshotBytesPerSecond;

    /// <summary>Seconds that writing one takes beside the training; each rank writes a slice.</summary>
    public double CheckpointWriteSeconds(int ranks) =>
        Math.Max(StateBytes / StoreBytesPerSecond, StateBytes / ranks / NodesPerRank / NodeBytesPerSecond);

    /// <summary>Seconds until everybody has read one: once from the store, then from each other.</summary>
    public double CheckpointReadSeconds => (StateBytes / StoreBytesPerSecond) + FetchSeconds;

    /// <summary>Seconds in which a newcomer has the state from those that hold it, node to node.</summary>
    public double FetchSeconds => StateBytes / NodesPerRank / NodeBytesPerSecond;

    /// <summary>
    /// What makes it impossible: the key of a scenario file, and words that name the value and what is allowed; empty: nothing.
    /// </summary>
    public IEnumerable<(string Key, string Problem)> Problems() => FleetProblems.Of(this);
}
