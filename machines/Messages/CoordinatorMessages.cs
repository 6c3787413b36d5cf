using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>What the silo says to a worker: one JSON text frame each.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "tell")]
[JsonDerivedType(typeof(Welcome), "welcome")]
[JsonDerivedType(typeof(HelloWanted), "hello-wanted")]
[JsonDerivedType(typeof(MembershipChanged), "membership-changed")]
[JsonDerivedType(typeof(ShardsDealt), "shards-dealt")]
[JsonDerivedType(typeof(RankOrdered), "rank-ordered")]
[JsonDerivedType(typeof(StepsRecorded), "steps-recorded")]
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
public sealed record HelloWanted(WorkerSession Session) : CoordinatorMessage;

/// <summary>A job's membership changed; comes before the orders that rest on it.</summary>
public sealed record MembershipChanged(MembershipChange Change) : CoordinatorMessage;

/// <summary>
/// The part of a generation's plans that all ranks share, once for each node: who computes which shards in the plans' first step. Comes
/// before the plans, and again whenever they are repeated; a plan that has no deal of its (incarnation, generation) waits for that.
/// </summary>
public sealed record ShardsDealt(JobId Job, long Incarnation, long Generation, IReadOnlyList<ShardRun> Runs) : CoordinatorMessage;

/// <summary>An order for one of the node's gpus.</summary>
public sealed record RankOrdered(RankOrder Order) : CoordinatorMessage;

/// <summary>All steps of the timeline up to <paramref name="Through"/> are recorded.</summary>
public sealed record StepsRecorded(JobId Job, int Timeline, long Through) : CoordinatorMessage;
