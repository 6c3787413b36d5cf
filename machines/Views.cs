using System.Text.Json.Serialization;
using Coordinator.Machines.Jobs;

namespace Coordinator.Machines;

/// <summary>A job as operators see it.</summary>
public sealed record JobView
{
    /// <summary>The job.</summary>
    public required JobId Id { get; init; }

    /// <summary>Phase: <c>waiting</c>, <c>forming</c>, <c>running</c>, <c>finished</c>, <c>failed</c>.</summary>
    public required string Phase { get; init; }

    /// <summary>Whether somebody has ended it: a job that is <c>failed</c> by nobody's failure.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Cancelled { get; init; }

    /// <summary>What people call its phase: <see cref="Phase"/>, or <c>cancelled</c>.</summary>
    [JsonIgnore]
    public string PhaseName => Cancelled ? "cancelled" : Phase;

    /// <summary>Why it is in that phase, one line.</summary>
    public string Reason { get; init; } = "";

    /// <summary>
    /// Why ranks are missing: the class of devices, power, cooling, or others who have the gpus; empty: none are, or nobody knows yet.
    /// </summary>
    public string Shortage { get; init; } = "";

    /// <summary>Class of the devices that the job computes on; empty before its first generation.</summary>
    public string DeviceClass { get; init; } = "";

    /// <summary>The spec, without the secret.</summary>
    public required JobSpec Spec { get; init; }

    /// <summary>What it was submitted with, where its steps or ranks were raised since; null: they were not.</summary>
    public JobExtent? Submitted { get; init; }

    /// <summary>Activation of the machine.</summary>
    public long Incarnation { get; init; }

    /// <summary>Timeline.</summary>
    public int Timeline { get; init; }

    /// <summary>Generation in force.</summary>
    public long Generation { get; init; }

    /// <summary>Steps recorded as applied.</summary>
    public long Recorded { get; init; }

    /// <summary>Loss of the last recorded step, if any.</summary>
    public double? Loss { get; init; }

    /// <summary>Members in rank order.</summary>
    public IReadOnlyList<MemberView> Members { get; init; } = [];

    /// <summary>Times that a member was failed.</summary>
    public int Failures { get; init; }

    /// <summary>The first failure's cause.</summary>
    public string? FirstCause { get; init; }

    /// <summary>SHA-256 of the final model file once it is durable.</summary>
    public string? ModelSha256 { get; init; }

    /// <summary>Complete checkpoints, oldest first.</summary>
    public IReadOnlyList<CheckpointRef> Checkpoints { get; init; } = [];

    /// <summary>Why no equal bits are promised of it, one line; null: they are.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? NoPromise { get; init; }

    /// <summary>What is being saved, or why nothing is, one line; empty where there is nothing to say.</summary>
    public string Saving { get; init; } = "";
}

/// <summary>A member of a job's generation.</summary>
public sealed record MemberView(int Rank, GpuId Gpu, string Address, long Boot, int Shards, bool Connected, string State);

/// <summary>A node as operators see it.</summary>
public sealed record NodeView(
    NodeId Id,
    bool Connected,
    WorkerSession Session,
    string DataAddress,
    int ProcessId,
    IReadOnlyList<GpuDescription> Gpus,
    IReadOnlyList<RankPosition> Ranks,
    double? SilentMs)
{
    /// <summary>Why its free gpus are given to no job for now, such as a data port that no peer reaches; empty: they are.</summary>
    public string SetAside { get; init; } = "";

    /// <summary>Its labels; null: it has none.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>The drain of the node; null: it is not drained, or single gpus of it are. The API says it, and not the node.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DrainView? Drain { get; init; }

    /// <summary>Pieces of its ranks' logs that were asked for a moment ago; null: none were.</summary>
    public IReadOnlyList<LogRead>? Logs { get; init; }

    /// <summary>
    /// Its gpus of which nothing was asked yet, and which are healthy by the cluster's record: no grain of theirs is loaded, and the node
    /// speaks for them.
    /// </summary>
    public IReadOnlyList<GpuView> Resting { get; init; } = [];
}

/// <summary>A gpu as operators see it.</summary>
public sealed record GpuView(GpuId Id, string Health, string Reason, int Faults, RankPlan? Plan)
{
    /// <summary><see cref="Health"/> of a gpu that may be given work and has had no fault of late.</summary>
    public const string Healthy = "healthy";

    /// <summary>What an operator has to do before it serves again, as policy files write it; empty: nothing.</summary>
    public string Remedy { get; init; } = "";

    /// <summary>The drain that concerns it, its node's first; null: none does. The API says it, and not the gpu.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DrainView? Drain { get; init; }

    /// <summary>Its device; null before its worker was heard.</summary>
    public GpuDescription? Description { get; init; }

    /// <summary>Its latest telemetry; null where there is none.</summary>
    public GpuReading? Reading { get; init; }

    /// <summary>Age of that, in milliseconds.</summary>
    public double? ReadingAgeMs { get; init; }
}

/// <summary>The cluster as operators see it.</summary>
public sealed record ClusterView(IReadOnlyList<ClusterNodeView> Nodes, IReadOnlyList<AllocationView> Allocations)
{
    /// <summary>The site's power; null: an older cluster speaks.</summary>
    public PowerView? Power { get; init; }

    /// <summary>Cooling zones, by name.</summary>
    public IReadOnlyList<CoolingZoneView> Cooling { get; init; } = [];

    /// <summary>What operators have drained, by name.</summary>
    public IReadOnlyList<DrainView> Drains { get; init; } = [];
}

/// <summary>A node of the cluster.</summary>
public sealed record ClusterNodeView(NodeId Id, bool Up, int Gpus, int Free, string DeviceClass)
{
    /// <summary>Memory of its largest gpu, bytes; 0: not known.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>The node's labels; null: it has none.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }
}

/// <summary>What a job has of the cluster.</summary>
public sealed record AllocationView(JobId Job, int Wanted, IReadOnlyList<GpuId> Gpus)
{
    /// <summary>Class that its gpus must have; null or empty: any one.</summary>
    public string? DeviceClass { get; init; }

    /// <summary>Priority of the job: the higher, the more important.</summary>
    public int Priority { get; init; }

    /// <summary>Fewest gpus with which the job can go on; null: the job has not said.</summary>
    public int? Minimum { get; init; }

    /// <summary>Gpus that it has of each node at a time; 0: any number.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int PerNode { get; init; }

    /// <summary>Whether it is a gang, and not a training job.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Gang { get; init; }

    /// <summary>What the job waits for and who has it, for people; null: it has all that it wants.</summary>
    public string? Waits { get; init; }
}
