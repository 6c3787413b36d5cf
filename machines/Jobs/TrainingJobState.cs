using System.Text.Json.Serialization;
using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Machines.Jobs;

/// <summary>How far a job is in its life.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<JobPhase>))]
public enum JobPhase
{
    /// <summary>No generation is in force: too few gpus, or nobody holds the state.</summary>
    Waiting,

    /// <summary>A generation is durable; its members are being asked, or train.</summary>
    Active,

    /// <summary>The final model is recorded.</summary>
    Finished,

    /// <summary>Ended without a model.</summary>
    Failed,
}

/// <summary>What a job keeps durable: enough to form the next generation, whoever loads it.</summary>
public sealed record TrainingJobState
{
    /// <summary>Version of the contract that this is written by; see <see cref="Contracts.StateVersion"/>.</summary>
    public int Version { get; init; } = Contracts.FirstStateVersion;

    /// <summary>The spec as submitted, or with what was raised since.</summary>
    public required JobSpec Spec { get; init; }

    /// <summary>What was submitted, where the job was extended since; null: it was not.</summary>
    public JobExtent? Submitted { get; init; }

    /// <summary>Activations so far; the present one's number.</summary>
    public long Incarnation { get; init; }

    /// <summary>Phase.</summary>
    public JobPhase Phase { get; init; }

    /// <summary>Why it is in that phase.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Timeline.</summary>
    public int Timeline { get; init; }

    /// <summary>Generation in force; 0 before the first.</summary>
    public long Generation { get; init; }

    /// <summary>Head of the membership's hash chain.</summary>
    public string Hash { get; init; } = new('0', 64);

    /// <summary>Members in rank order.</summary>
    [JsonConverter(typeof(MembersConverter))]
    public IReadOnlyList<Member> Members { get; init; } = [];

    /// <summary>Device class of the job, once it has members.</summary>
    public string? DeviceClass { get; init; }

    /// <summary>
    /// What the job's ranks compute with, as the first of them said it (<see cref="RankState.Identity"/>); null: none has said anything.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Identity { get; init; }

    /// <summary>Why no equal bits are promised any more; null: nothing was found to differ.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? PromiseEnded { get; init; }

    /// <summary>Device named in plans.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Every member has applied a step in the generation; without it, whoever loads the job forms a new one.</summary>
    public bool Planned { get; init; }

    /// <summary>Some step was recorded: from then on beginning again from the seed would lose steps.</summary>
    public bool Started { get; init; }

    /// <summary>Steps known to be recorded when this was written; there may be more.</summary>
    public long Recorded { get; init; }

    /// <summary>Loss of the last step that was recorded when this was written; null: none was, or an older coordinator wrote it.</summary>
    public double? Loss { get; init; }

    /// <summary>Whether somebody ended the job; it is <see cref="JobPhase.Failed"/> then.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Cancelled { get; init; }

    /// <summary>Members failed so far.</summary>
    public int Failures { get; init; }

    /// <summary>Cause of the first failure.</summary>
    public string? FirstCause { get; init; }

    /// <summary>Complete checkpoints, oldest first.</summary>
    public IReadOnlyList<CheckpointRef> Checkpoints { get; init; } = [];

    /// <summary>
    /// The last checkpoints that were removed, oldest first, at most <see cref="CheckpointRetention.MostRemembered"/>. They are there again
    /// where files and database are put back from copies of different moments, and then they are better than nothing.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<CheckpointRef>? Removed { get; init; }

    /// <summary>
    /// Processes that held the state when all members of a generation had last applied a step in it, before the present generation.
    /// </summary>
    public IReadOnlyList<WorkerProcess> Holders { get; init; } = [];

    /// <summary>
    /// Members that came since a generation last ran, where others had trained before them: they are new, and nothing is known of the way
    /// to them.
    /// </summary>
    public IReadOnlyList<GpuId> Newcomers { get; init; } = [];

    /// <summary>
    /// Every member holds the latest state, though the generation has not run: too few were left to go on, or the job is parked.
    /// </summary>
    public bool HeldByMembers { get; init; }

    /// <summary>Drained gpus that have left, and whose state others are not known to hold yet, sorted; null: there are none.</summary>
    public IReadOnlyList<GpuId>? HandingOver { get; init; }

    /// <summary>Why the job is parked, or is about to be; null: it is not.</summary>
    public string? ParkedFor { get; init; }

    /// <summary>A member has computed a shard of the job, so it can be computed; <see cref="Started"/> comes later.</summary>
    public bool Computed { get; init; }

    /// <summary>
    /// Whether all processes that held the state are known to have ended, since whoever had started them said so; until all members hold
    /// one again.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool HoldersEnded { get; init; }

    /// <summary>How the job had finished before it was given more steps; null: it had not, or has finished again.</summary>
    public FinishedBefore? Before { get; init; }

    /// <summary>
    /// Faults of ranks since the job last came a step farther, oldest first: whether a gpu or the job is to blame shows when others try the
    /// same work.
    /// </summary>
    public IReadOnlyList<RankFault> Faults { get; init; } = [];

    /// <summary>Steps that were applied when the last of them came; a step beyond settles them.</summary>
    public long FaultedAt { get; init; }

    /// <summary>SHA-256 of the final model file, once it is durable.</summary>
    public string? ModelSha256 { get; init; }
}

/// <summary>A job's end with a model, before it was given more steps.</summary>
/// <param name="Extent">Its steps and ranks then.</param>
/// <param name="Recorded">Steps recorded.</param>
/// <param name="ModelSha256">SHA-256 of the model file.</param>
/// <param name="Reason">What it said of its end.</param>
public sealed record FinishedBefore(JobExtent Extent, long Recorded, string ModelSha256, string Reason);
