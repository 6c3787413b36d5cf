using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>What the silo says to a worker: one JSON text frame each.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "tell")]
[JsonDerivedType(typeof(Welcome), "welcome")]
[JsonDerivedType(typeof(HelloWanted), "hello-wanted")]
[JsonDerivedType(typeof(WorkerRefused), "worker-refused")]
[JsonDerivedType(typeof(MembershipChanged), "membership-changed")]
[JsonDerivedType(typeof(ShardsAssigned), "shards-dealt")]
[JsonDerivedType(typeof(RankOrdered), "rank-ordered")]
[JsonDerivedType(typeof(StepsRecorded), "steps-recorded")]
[JsonDerivedType(typeof(SaveCheckpoint), "save-checkpoint")]
[JsonDerivedType(typeof(SealCheckpoint), "seal-checkpoint")]
[JsonDerivedType(typeof(PruneCheckpoints), "prune-checkpoints")]
[JsonDerivedType(typeof(GangOrdered), "gang-ordered")]
[JsonDerivedType(typeof(LogAsked), "log-asked")]
public abstract record CoordinatorMessage;

/// <summary>The hello was accepted.</summary>
/// <param name="Session">Session that is welcome.</param>
/// <param name="HeartbeatPeriod">How often the worker is to send <see cref="Heartbeat"/>.</param>
public sealed record Welcome(WorkerSession Session, TimeSpan HeartbeatPeriod) : CoordinatorMessage;

/// <summary>
/// The node's grain was loaded anew, by a silo that may be another one, while the connection stood: it knows nothing of the worker.
/// The worker says <see cref="Hello"/> again over the same connection, is welcomed again, and repeats what it had to say.
/// </summary>
/// <param name="Session">Session that is unknown; a worker at another one ignores this.</param>
public sealed record HelloWanted(WorkerSession Session) : CoordinatorMessage
{
    /// <summary>A number that the next hello brings back, which proves that the worker lives; null: no proof is asked for.</summary>
    public long? Proof { get; init; }
}

/// <summary>
/// Why a worker's connection is ended for good or for now; the status of its WebSocket's close frame (RFC 6455, 7.4.2: 4000 to 4999 are for
/// private use).
/// </summary>
[JsonConverter(typeof(JsonStringEnumConverter<RefusalKind>))]
public enum RefusalKind
{
    /// <summary>
    /// What the worker says of itself can never be right: its name, its address, its protocol. The next connection would say the same.
    /// </summary>
    Invalid = 4000,

    /// <summary>Another worker has the node's name, and it was heard since this one first asked: two live ones.</summary>
    NameTaken = 4001,

    /// <summary>Another worker has the node's name and was heard not long ago. It may be gone: ask again.</summary>
    NameHeard = 4002,

    /// <summary>A newer process has the node's name. Nothing that this one does counts any more.</summary>
    Displaced = 4003,

    /// <summary>A newer connection of the same process stands.</summary>
    Superseded = 4004,
}

/// <summary>
/// A connection is ended by its node's grain. It is for the connection of that session alone, wherever it stands; gateways send it as a
/// close frame with the kind as its status, so that the worker need not know the message.
/// </summary>
/// <param name="Session">The connection.</param>
/// <param name="Kind">Why, as the worker acts on it.</param>
/// <param name="Text">Why, for people.</param>
public sealed record WorkerRefused(WorkerSession Session, RefusalKind Kind, string Text) : CoordinatorMessage;

/// <summary>A job's membership changed; comes before the orders that rest on it.</summary>
public sealed record MembershipChanged(MembershipChange Change) : CoordinatorMessage;

/// <summary>
/// The part of a generation's plans that all ranks share, once for each node: who computes which shards in the plans' first step. Comes
/// before the plans, and again whenever they are repeated; a plan that has no assignment of its (incarnation, generation) waits for that.
/// </summary>
/// <param name="Job">The job.</param>
/// <param name="Incarnation">Activation of the job's machine that assigns.</param>
/// <param name="Generation">The generation.</param>
/// <param name="Runs">All shards once; with a <paramref name="Base"/>, only those that are assigned otherwise than that has them.</param>
/// <param name="Base">What the runs depart from; see <see cref="ShardAssignment.Unfold"/>.</param>
public sealed record ShardsAssigned(
    JobId Job, long Incarnation, long Generation, IReadOnlyList<ShardRun> Runs, AssignmentBase? Base = null) : CoordinatorMessage;

/// <summary>An order for one of the node's gpus.</summary>
public sealed record RankOrdered(RankOrder Order) : CoordinatorMessage;

/// <summary>All steps of the timeline up to <paramref name="Through"/> are recorded.</summary>
public sealed record StepsRecorded(JobId Job, int Timeline, long Through) : CoordinatorMessage;

/// <summary>What a job orders about its checkpoints: told to a worker once for all its ranks.</summary>
/// <param name="Job">The job.</param>
/// <param name="Incarnation">Activation of the job's machine that orders; workers refuse a lower one than they have obeyed.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "tell")]
[JsonDerivedType(typeof(SaveCheckpoint), "save-checkpoint")]
[JsonDerivedType(typeof(SealCheckpoint), "seal-checkpoint")]
[JsonDerivedType(typeof(PruneCheckpoints), "prune-checkpoints")]
public abstract record CheckpointOrder(JobId Job, long Incarnation) : CoordinatorMessage;

/// <summary>
/// Every rank of the checkpoint's generation is to save its slice of the state once it has applied the step. Repeated: whoever has done so
/// says it again.
/// </summary>
public sealed record SaveCheckpoint(JobId Job, long Incarnation, CheckpointId Checkpoint) : CheckpointOrder(Job, Incarnation);

/// <summary>
/// All parts are durable: write the manifest. Repeated, to another worker if need be, until one answers; all of them would write the same
/// bytes.
/// </summary>
public sealed record SealCheckpoint(
    JobId Job,
    long Incarnation,
    CheckpointId Checkpoint,
    long Generation,
    string DeviceClass,
    IReadOnlyList<CheckpointPart> Parts) : CheckpointOrder(Job, Incarnation);

/// <summary>
/// Of the job's folder, keep these checkpoints and whatever is newer than the newest of them; the rest is of no more use.
/// </summary>
public sealed record PruneCheckpoints(JobId Job, long Incarnation, IReadOnlyList<CheckpointId> Keep) : CheckpointOrder(Job, Incarnation);
