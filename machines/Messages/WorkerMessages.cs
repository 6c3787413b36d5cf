using System.Text.Json.Serialization;

namespace Coordinator.Machines;

/// <summary>What a worker says to its silo: one JSON text frame of its WebSocket each. The first is <see cref="Hello"/>.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "say")]
[JsonDerivedType(typeof(Hello), "hello")]
[JsonDerivedType(typeof(Heartbeat), "heartbeat")]
[JsonDerivedType(typeof(GpusMeasured), "gpus-measured")]
[JsonDerivedType(typeof(RankState), "rank-state")]
[JsonDerivedType(typeof(PlanTaken), "plan-taken")]
[JsonDerivedType(typeof(RankAdvanced), "rank-advanced")]
[JsonDerivedType(typeof(PeerAccused), "peer-accused")]
[JsonDerivedType(typeof(RankFaulted), "rank-faulted")]
[JsonDerivedType(typeof(StepsApplied), "steps-applied")]
[JsonDerivedType(typeof(RankFinished), "rank-finished")]
[JsonDerivedType(typeof(RankLeaving), "rank-leaving")]
[JsonDerivedType(typeof(RankReleased), "rank-released")]
[JsonDerivedType(typeof(RankPreparing), "rank-preparing")]
[JsonDerivedType(typeof(MembershipUnknown), "membership-unknown")]
[JsonDerivedType(typeof(CheckpointPartSaved), "checkpoint-part-saved")]
[JsonDerivedType(typeof(CheckpointSealed), "checkpoint-sealed")]
[JsonDerivedType(typeof(CheckpointFailed), "checkpoint-failed")]
[JsonDerivedType(typeof(CheckpointUnreadable), "checkpoint-unreadable")]
[JsonDerivedType(typeof(GangReport), "gang-report")]
[JsonDerivedType(typeof(LogRead), "log-read")]
public abstract record WorkerMessage;

/// <summary>A worker message that concerns one job; the node's grain passes it on to the job's.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "say")]
[JsonDerivedType(typeof(RankState), "rank-state")]
[JsonDerivedType(typeof(PlanTaken), "plan-taken")]
[JsonDerivedType(typeof(RankAdvanced), "rank-advanced")]
[JsonDerivedType(typeof(PeerAccused), "peer-accused")]
[JsonDerivedType(typeof(RankFaulted), "rank-faulted")]
[JsonDerivedType(typeof(StepsApplied), "steps-applied")]
[JsonDerivedType(typeof(RankFinished), "rank-finished")]
[JsonDerivedType(typeof(RankLeaving), "rank-leaving")]
[JsonDerivedType(typeof(RankReleased), "rank-released")]
[JsonDerivedType(typeof(RankPreparing), "rank-preparing")]
[JsonDerivedType(typeof(MembershipUnknown), "membership-unknown")]
[JsonDerivedType(typeof(CheckpointPartSaved), "checkpoint-part-saved")]
[JsonDerivedType(typeof(CheckpointSealed), "checkpoint-sealed")]
[JsonDerivedType(typeof(CheckpointFailed), "checkpoint-failed")]
[JsonDerivedType(typeof(CheckpointUnreadable), "checkpoint-unreadable")]
public abstract record JobReport : WorkerMessage
{
    /// <summary>The job.</summary>
    public required JobId Job { get; init; }

    /// <summary>The generation that the report speaks of; one of another generation is stale.</summary>
    public required long Generation { get; init; }
}

/// <summary>
/// The first frame of a connection; said again, unchanged but for <see cref="Proof"/>, until <see cref="Welcome"/> comes and when
/// <see cref="HelloWanted"/> asks for it.
/// </summary>
public sealed record Hello : WorkerMessage
{
    /// <summary>
    /// The protocol version that this build speaks. A silo lets in no other one: what one of the two says and the other does not know would
    /// end their connection each time that it is said. A further message of workers raises it; a further member that means nothing by null
    /// or zero does not.
    /// </summary>
    public const int CurrentProtocol = 6;

    /// <summary>Version of this protocol; a silo refuses one that it does not speak, naming both.</summary>
    public int Protocol { get; init; } = CurrentProtocol;

    /// <summary>The node.</summary>
    public required NodeId Node { get; init; }

    /// <summary>This connection.</summary>
    public required WorkerSession Session { get; init; }

    /// <summary>Where peers reach this worker's data plane, <c>host:port</c>.</summary>
    public required string DataAddress { get; init; }

    /// <summary>Process id, for people.</summary>
    public int ProcessId { get; init; }

    /// <summary>Whether a person insists that this worker takes the place of one that is heard; null: nobody does.</summary>
    public bool? Replace { get; init; }

    /// <summary><see cref="HelloWanted.Proof"/> of the question that this answers; null: it answers none.</summary>
    public long? Proof { get; init; }

    /// <summary>The node's labels (<see cref="NodeLabels"/>); null: it has none.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>The node's gpus, by index.</summary>
    public required IReadOnlyList<GpuDescription> Gpus { get; init; }
}

/// <summary>One gpu as its worker describes it.</summary>
/// <param name="Index">Index within the node.</param>
/// <param name="Name">Name for people.</param>
/// <param name="DeviceClass">Ranks of different classes never share a job.</param>
/// <param name="Device">Device as written in plans: <c>cpu</c>, <c>ilgpu:cuda:0</c>. Two gpus of a node may name the same device: it then
/// holds two ranks.</param>
public sealed record GpuDescription(int Index, string Name, string DeviceClass, string Device)
{
    /// <summary>Memory of the device, bytes; 0: not known.</summary>
    public long MemoryBytes { get; init; }
}

/// <summary>Sign of life, with where each rank is.</summary>
public sealed record Heartbeat(long Sequence, IReadOnlyList<RankPosition> Ranks) : WorkerMessage;

/// <summary>The vendor's telemetry of the node's gpus, those that have one. Said when an error shows, and from time to time.</summary>
public sealed record GpusMeasured(IReadOnlyList<GpuReading> Readings) : WorkerMessage;

/// <summary>Where a rank is.</summary>
public sealed record RankPosition(int GpuIndex, JobId Job, long Generation, long Applied, string Activity);
