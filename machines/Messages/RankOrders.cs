using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>
/// What a job tells one of its gpus, by way of the node's grain and the gpu's grain. Receivers refuse an order whose
/// (incarnation, generation) is lower than one already obeyed for the job.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "order")]
[JsonDerivedType(typeof(PrepareRank), "prepare")]
[JsonDerivedType(typeof(RankPlan), "plan")]
[JsonDerivedType(typeof(ReleaseRank), "release")]
public abstract record RankOrder
{
    /// <summary>The job that orders.</summary>
    public required JobId Job { get; init; }

    /// <summary>Activation of the job's machine that orders.</summary>
    public required long Incarnation { get; init; }

    /// <summary>The job's timeline. A state of another counts only where a plan says so.</summary>
    public required int Timeline { get; init; }

    /// <summary>The generation that the order belongs to.</summary>
    public required long Generation { get; init; }

    /// <summary>The gpu that is ordered.</summary>
    public required GpuId Gpu { get; init; }
}

/// <summary>
/// A new generation stands. The rank answers with its <see cref="RankState"/>, and promises by it to apply nothing and
/// to overwrite neither its partial sums nor its reduced gradient until the plan comes.
/// </summary>
public sealed record PrepareRank : RankOrder
{
    /// <summary>
    /// Steps up to here are recorded by the coordinator. Before it answers, the worker says again what it has of later ones, since it may
    /// be the last to know.
    /// </summary>
    public long RecordedThrough { get; init; }

    /// <summary>Whether the rank is to say what it began with entry by entry, since another one began otherwise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Detailed { get; init; }
}

/// <summary>The only authority to compute: rank, first step, shards and source of state of one gpu in one generation.</summary>
public sealed record RankPlan : RankOrder
{
    /// <summary>The rank number: index of the gpu in the generation's sorted members.</summary>
    public required int Rank { get; init; }

    /// <summary>The first step to compute, T + 1, where T is the step that every member must have applied before.</summary>
    public required long FirstStep { get; init; }

    /// <summary>
    /// Who computes what in <see cref="FirstStep"/>: runs of shards, covering 0 to L - 1 once. From the next step on the shard map of
    /// (L, members) holds. It is the same for all ranks, and with thousands of them long: on the way it is empty, and the node's worker
    /// puts in what <see cref="ShardsAssigned"/> has brought it. Empty where no step is left.
    /// </summary>
    public IReadOnlyList<ShardRun> FirstStepShards { get; init; } = [];

    /// <summary>How this rank comes to the state of step T.</summary>
    public required CatchUp CatchUp { get; init; }

    /// <summary>
    /// Donors for <see cref="CatchUp.FetchReduced"/>, block runs covering what is missing, or for <see cref="CatchUp.FetchState"/>, ranks
    /// that hold step T.
    /// </summary>
    public IReadOnlyList<DonorRun> Donors { get; init; } = [];

    /// <summary>What <see cref="CatchUp.LoadCheckpoint"/> is to load; null otherwise.</summary>
    public CheckpointRef? Checkpoint { get; init; }

    /// <summary>
    /// Timeline of the state that the members go on from, where it is not that of the plan: they keep a state of it, which from now on is
    /// of the plan's timeline. Null: the plan's own.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? StateTimeline { get; init; }

    /// <summary>Steps up to here are recorded by the coordinator; records of them may be forgotten.</summary>
    public long RecordedThrough { get; init; }

    /// <summary>
    /// The last step of a job whose steps were raised, since the rank may know the spec from before; null: that of the spec.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? LastStep { get; init; }

    /// <summary>The device that is to compute, such as <c>cpu</c>.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>
    /// Class of devices that the job computes on. A worker whose device is of another refuses the plan and reports a fault: its bits would
    /// be others. Empty in what silos wrote before plans named it: then it is not compared.
    /// </summary>
    public string DeviceClass { get; init; } = "";
}

/// <summary>
/// The gpu is no member of <see cref="RankOrder.Generation"/>; its rank stops, and says nothing more of the job but that its worker was
/// asked to end, until <see cref="Forget"/> lets it.
/// </summary>
public sealed record ReleaseRank : RankOrder
{
    /// <summary>Why, for the worker's log.</summary>
    public string Reason { get; init; } = "";

    /// <summary>
    /// Whether the state is of no more use: the job is over, or goes on without a process that was asked to end, which now may. Else it
    /// is kept: for a quick return, or since nobody else may have it.
    /// </summary>
    public bool Forget { get; init; }
}

/// <summary>Ways for a rank to come to the state of the plan's target step T.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CatchUp>))]
public enum CatchUp
{
    /// <summary>It has applied T.</summary>
    None,

    /// <summary>T is 0: initialise from the seed.</summary>
    Initialize,

    /// <summary>It has applied T - 1 and holds all of T's reduced gradient: apply it.</summary>
    ApplyReduced,

    /// <summary>It has applied T - 1; fetch the missing blocks of T's reduced gradient from donors, then apply it.</summary>
    FetchReduced,

    /// <summary>Fetch the whole state of step T from donors.</summary>
    FetchState,

    /// <summary>No member holds a state that counts: read that of step T from a checkpoint.</summary>
    LoadCheckpoint,
}

/// <summary>
/// Shards <paramref name="Start"/> to <paramref name="Start"/> + <paramref name="Count"/> - 1 belong to <paramref name="Rank"/>.
/// </summary>
public readonly record struct ShardRun(int Rank, int Start, int Count);

/// <summary>
/// Rank <paramref name="Rank"/> gives blocks <paramref name="Start"/> to <paramref name="Start"/> + <paramref name="Count"/> - 1 (of the
/// reduced gradient, or of the state).
/// </summary>
public readonly record struct DonorRun(int Rank, int Start, int Count);

/// <summary>
/// Blocks <paramref name="Start"/> to <paramref name="Start"/> + <paramref name="Count"/> - 1 of a rank's reduced gradient carry step
/// <paramref name="Step"/>.
/// </summary>
public readonly record struct TagRun(int Start, int Count, long Step);
