using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>The answer to <see cref="PrepareRank"/>, and a promise until the plan.</summary>
public sealed record RankState : JobReport
{
    /// <summary>The gpu that answers.</summary>
    public required GpuId Gpu { get; init; }

    /// <summary>Worker process that answers, as in <see cref="WorkerSession.Boot"/>.</summary>
    public required long Boot { get; init; }

    /// <summary>Whether it holds a state at all.</summary>
    public required bool HasState { get; init; }

    /// <summary>Timeline of its state.</summary>
    public required int Timeline { get; init; }

    /// <summary>Steps applied.</summary>
    public required long Applied { get; init; }

    /// <summary>Steps that the rank knows to be recorded: a job that was loaded again may have forgotten.</summary>
    public long RecordedThrough { get; init; }

    /// <summary>Blocks of the whole state: what a newcomer has to fetch.</summary>
    public int StateBlocks { get; init; }

    /// <summary>
    /// What its device computes with, beyond its class: how a program of one's own is made up, and what it begins with. Empty where the
    /// spec decides that.
    /// </summary>
    [AllowNull]
    public string Identity { get => field ?? ""; init; } = "";

    /// <summary>
    /// What its program began with: of each entry of the state, in the order of the schema, the beginning of its hash, a space and its
    /// name. Only in the answer to a <see cref="PrepareRank.Detailed"/> question.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? InitialState { get; init; }

    /// <summary>Tags of its reduced gradient, covering all blocks, or empty where nothing was reduced yet.</summary>
    public IReadOnlyList<TagRun> Reduced { get; init; } = [];

    /// <summary>Finished subtrees of step <see cref="Applied"/> + 1 that it holds.</summary>
    public IReadOnlyList<Subtree> Held { get; init; } = [];

    /// <summary>Shards of step <see cref="Applied"/> + 1 that it was computing under its last plan, finished or not.</summary>
    public IReadOnlyList<ShardSpan> Assigned { get; init; } = [];
}

/// <summary>Shards <paramref name="Start"/> to <paramref name="Start"/> + <paramref name="Count"/> - 1.</summary>
public readonly record struct ShardSpan(int Start, int Count);

/// <summary>The rank took its plan of the generation.</summary>
public sealed record PlanTaken : JobReport
{
    /// <summary>The gpu.</summary>
    public required GpuId Gpu { get; init; }
}

/// <summary>The rank applied its first step in the generation. Sent once a generation.</summary>
public sealed record RankAdvanced : JobReport
{
    /// <summary>The gpu.</summary>
    public required GpuId Gpu { get; init; }

    /// <summary>The step applied.</summary>
    public required long Step { get; init; }
}

/// <summary>What an accusation rests on.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Evidence>))]
public enum Evidence
{
    /// <summary>The connection was closed or reset, or could not be opened: the process is gone. Needs no gathering.</summary>
    ConnectionClosed,

    /// <summary>Nothing was heard for the peer timeout.</summary>
    Silent,

    /// <summary>It sent what no correct peer sends: a wrong checksum, a wrong tag, a wrong key.</summary>
    Invalid,
}

/// <summary>One worker accuses another: an edge of the generation's accusation graph.</summary>
public sealed record PeerAccused : JobReport
{
    /// <summary>Who accuses.</summary>
    public required NodeId Accuser { get; init; }

    /// <summary>Who is accused.</summary>
    public required NodeId Accused { get; init; }

    /// <summary>On what evidence.</summary>
    public required Evidence Evidence { get; init; }

    /// <summary>For people.</summary>
    public string Detail { get; init; } = "";

    /// <summary>
    /// Whether the accuser dialled the accused and never came to a connection in the generation; null: it had one, or waited for it.
    /// </summary>
    public bool? Unreached { get; init; }
}

/// <summary>A rank cannot go on: its program or device failed.</summary>
public sealed record RankFaulted : JobReport
{
    /// <summary>The gpu.</summary>
    public required GpuId Gpu { get; init; }

    /// <summary>What failed.</summary>
    public required string Detail { get; init; }

    /// <summary>
    /// Whether no device of the class can compute the job at all, so that nothing is gained by trying again. The gpu is not to blame.
    /// </summary>
    public bool Impossible { get; init; }

    /// <summary>Whose fault it is, as far as the worker can tell. Workers that know no kinds say only <see cref="Impossible"/>.</summary>
    public FaultKind Kind { get; init; }

    /// <summary>
    /// Whether its program computed other bits for the same shard and the same state: what was promised of the job's bits ends.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Disagrees { get; init; }

    /// <summary>Step that it was at: behind the last one that it had applied; 0: it had no state.</summary>
    public long Step { get; init; }

    /// <summary>Whose fault it is, whichever way the worker says it.</summary>
    [JsonIgnore]
    public FaultKind Whose => Impossible ? FaultKind.Job : Kind;
}

/// <summary>
/// Steps that were applied, oldest first; sent by rank 0 and repeated until recorded, and by every rank before it answers a
/// <see cref="PrepareRank"/>. A rank begins behind the last step that it knows to be recorded, so a gap before the first is no loss.
/// </summary>
public sealed record StepsApplied : JobReport
{
    /// <summary>Timeline of the steps.</summary>
    public required int Timeline { get; init; }

    /// <summary>The steps, consecutive.</summary>
    public required IReadOnlyList<StepRecord> Steps { get; init; }
}

/// <summary>The rank applied the job's last step.</summary>
public sealed record RankFinished : JobReport
{
    /// <summary>The gpu.</summary>
    public required GpuId Gpu { get; init; }

    /// <summary>The last step.</summary>
    public required long Step { get; init; }

    /// <summary>Steps that the rank knows to be recorded.</summary>
    public long RecordedThrough { get; init; }

    /// <summary>SHA-256 over the whole state, lower-case hexadecimal: equal on all ranks, or the job has diverged.</summary>
    public required string StateSha256 { get; init; }

    /// <summary>Parameters of that state that are infinite or no number.</summary>
    public long Nonfinite { get; init; }
}

/// <summary>
/// The worker was asked to end. A member leaves when a generation without it stands; a rank that has been released says so, too, and its
/// worker ends when a <see cref="ReleaseRank"/> says that the state is of no more use.
/// </summary>
public sealed record RankLeaving : JobReport
{
    /// <summary>The gpu.</summary>
    public required GpuId Gpu { get; init; }

    /// <summary>Why.</summary>
    public required string Reason { get; init; }
}

/// <summary>The worker obeyed a <see cref="ReleaseRank"/>, or never had such a rank: the job need not say it again.</summary>
public sealed record RankReleased : JobReport
{
    /// <summary>The gpu.</summary>
    public required GpuId Gpu { get; init; }

    /// <summary>Whether it was told to forget the state, and has.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Forgot { get; init; }
}

/// <summary>
/// The rank is asked, and cannot answer yet: its program is being made (data are opened, a library is loaded), or its device is writing
/// the state. Repeated for as long as that takes, so that slow is told from dead; a rank that the job went on without says at last that
/// it is ready, until it hears anything from the job.
/// </summary>
public sealed record RankPreparing : JobReport
{
    /// <summary>The gpu.</summary>
    public required GpuId Gpu { get; init; }

    /// <summary>What it is doing, in a word or two, for people.</summary>
    public string What { get; init; } = "";

    /// <summary>How long it has been at it, milliseconds.</summary>
    public double Milliseconds { get; init; }

    /// <summary>Whether the rank stands, and only waits for its device: it may hold the state, and nobody goes on without it.</summary>
    public bool Busy { get; init; }

    /// <summary>Whether it is ready now.</summary>
    public bool Ready { get; init; }

    /// <summary>
    /// Whether what keeps it busy is a checkpoint that is being loaded, which takes as long as the checkpoint is large; null: it is not, or
    /// an older worker speaks.
    /// </summary>
    public bool? Loading { get; init; }
}

/// <summary>A change started from a membership that this worker does not have; it needs the whole.</summary>
public sealed record MembershipUnknown : JobReport
{
    /// <summary>The node that needs it.</summary>
    public required NodeId Node { get; init; }
}
