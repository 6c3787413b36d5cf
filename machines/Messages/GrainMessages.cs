using System.Text.Json.Serialization;
using Coordinator.Machines.Jobs;
using Coordinator.Machines.Jobs.Policies;

namespace Coordinator.Machines;

/// <summary>
/// What a grain is told. Between grains, any of these may be lost, repeated or reordered: handlers are idempotent, and senders repeat.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(Activated), "activated")]
[JsonDerivedType(typeof(DeadlinePassed), "deadline-passed")]
[JsonDerivedType(typeof(WorkerConnected), "worker-connected")]
[JsonDerivedType(typeof(WorkerSaid), "worker-said")]
[JsonDerivedType(typeof(WorkerDisconnected), "worker-disconnected")]
[JsonDerivedType(typeof(NodeOrders), "node-orders")]
[JsonDerivedType(typeof(NodeReportTaken), "node-report-taken")]
[JsonDerivedType(typeof(GpuAttached), "gpu-attached")]
[JsonDerivedType(typeof(GpuOrdered), "gpu-ordered")]
[JsonDerivedType(typeof(GpuFaultReported), "gpu-fault-reported")]
[JsonDerivedType(typeof(GpuMarked), "gpu-marked")]
[JsonDerivedType(typeof(GpuMeasured), "gpu-measured")]
[JsonDerivedType(typeof(GpuConditionTaken), "gpu-condition-taken")]
[JsonDerivedType(typeof(NodeReported), "node-reported")]
[JsonDerivedType(typeof(NodeUnreached), "node-unreached")]
[JsonDerivedType(typeof(GpuConditionReported), "gpu-condition-reported")]
[JsonDerivedType(typeof(GpusRequested), "gpus-requested")]
[JsonDerivedType(typeof(GpusOffered), "gpus-offered")]
[JsonDerivedType(typeof(SubmitJob), "submit-job")]
[JsonDerivedType(typeof(CancelJob), "cancel-job")]
[JsonDerivedType(typeof(NodeLinkReported), "node-link-reported")]
[JsonDerivedType(typeof(WorkerReported), "worker-reported")]
[JsonDerivedType(typeof(ModelStored), "model-stored")]
[JsonDerivedType(typeof(GpuWithdrawn), "gpu-withdrawn")]
[JsonDerivedType(typeof(CheckpointWanted), "checkpoint-wanted")]
[JsonDerivedType(typeof(ExtendJob), "extend-job")]
[JsonDerivedType(typeof(SubmitGang), "submit-gang")]
[JsonDerivedType(typeof(CancelGang), "cancel-gang")]
[JsonDerivedType(typeof(GangOffered), "gang-offered")]
[JsonDerivedType(typeof(GangReported), "gang-reported")]
[JsonDerivedType(typeof(GangNodeOrdered), "gang-node-ordered")]
[JsonDerivedType(typeof(LogWanted), "log-wanted")]
[JsonDerivedType(typeof(PowerSet), "power-set")]
[JsonDerivedType(typeof(SiteCapSet), "site-cap-set")]
[JsonDerivedType(typeof(PowerApproved), "power-approved")]
[JsonDerivedType(typeof(CoolingZoneSet), "cooling-zone-set")]
[JsonDerivedType(typeof(CoolingZoneCleared), "cooling-zone-cleared")]
[JsonDerivedType(typeof(DrainOrdered), "drain-ordered")]
[JsonDerivedType(typeof(UncordonOrdered), "uncordon-ordered")]
public abstract record GrainMessage;

/// <summary>The machine was loaded: always its first message.</summary>
/// <param name="Silo">Name of the silo that loaded it.</param>
public sealed record Activated(string Silo) : GrainMessage
{
    /// <summary>
    /// Time of day on the silo, from which a machine reckons what is left of a deadline that people have set; null: nobody knows, and such
    /// a time begins anew.
    /// </summary>
    public DateTimeOffset? At { get; init; }
}

/// <summary>The machine's next deadline passed.</summary>
public sealed record DeadlinePassed : GrainMessage;

// To a node, from the gateway that holds its connection.

/// <summary>A worker connected and said hello.</summary>
public sealed record WorkerConnected(WorkerSession Session, Hello Hello) : GrainMessage;

/// <summary>A worker said something.</summary>
public sealed record WorkerSaid(WorkerSession Session, WorkerMessage Message) : GrainMessage
{
    /// <summary>How long ago, where the grain asked its gateway for it. Zero or above.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public TimeSpan Age { get; init; }
}

/// <summary>A worker's connection ended.</summary>
public sealed record WorkerDisconnected(WorkerSession Session, string Reason) : GrainMessage;

// To a node, from other grains.

/// <summary>
/// A job's orders for the node's gpus, with the membership that they rest on (null: known already), and with what plans among them share.
/// </summary>
public record NodeOrders(
    JobId Job,
    long Incarnation,
    MembershipChange? Change,
    IReadOnlyList<RankOrder> Orders,
    StepsRecorded? Recorded = null,
    [property: JsonPropertyName("deal")] ShardsAssigned? Assignment = null,
    CheckpointOrder? Checkpoint = null) : GrainMessage;

/// <summary>The cluster has taken the node's report of this sequence.</summary>
public sealed record NodeReportTaken(WorkerSession Session, long Sequence) : GrainMessage
{
    /// <summary>Why the cluster gives the node's free gpus to nobody for now; null: it does.</summary>
    public string? SetAside { get; init; }

    /// <summary>
    /// Indexes of the node's gpus that are not plainly healthy by the cluster's durable record. Only their grains know what to wait for, so
    /// the node speaks to them at once; null: there are none, or an older cluster speaks.
    /// </summary>
    public IReadOnlyList<int>? Watched { get; init; }

    /// <summary>By whom the node is drained, and why; null: it is not.</summary>
    public string? Drained { get; init; }
}

// To a gpu, from its node.

/// <summary>
/// The gpu was found on its node by the worker of <paramref name="Session"/>. A gpu hears it when something else is to be said to it, and
/// not when its node connects: one that nobody has asked for anything has no grain.
/// </summary>
public sealed record GpuAttached(WorkerSession Session, GpuDescription Description) : GrainMessage
{
    /// <summary>
    /// Whether the cluster has it on record as not plainly healthy: then it says how it is, for the record may be behind.
    /// </summary>
    public bool Watched { get; init; }
}

/// <summary>A job's order for the gpu.</summary>
public sealed record GpuOrdered(RankOrder Order) : GrainMessage;

/// <summary>
/// From a job: its program or device failed on the gpu, in a process whose sessions are not later than this, and other gpus have done the
/// same work since.
/// </summary>
public sealed record GpuFaultReported(WorkerSession Session, string Detail) : GrainMessage;

/// <summary>To a gpu: operators say whether it may be given work, whatever its errors say.</summary>
/// <param name="Good">Whether it may.</param>
/// <param name="Reason">Why, for people.</param>
/// <param name="By">Who says so.</param>
public sealed record GpuMarked(bool Good, string Reason, string By) : GrainMessage;

/// <summary>The vendor's telemetry of the gpu.</summary>
public sealed record GpuMeasured(WorkerSession Session, GpuReading Reading) : GrainMessage;

/// <summary>From the cluster: the report of the gpu's condition that has this incarnation and number is durable.</summary>
public sealed record GpuConditionTaken(long Incarnation, long Number) : GrainMessage;

// To the cluster.

/// <summary>A node as it is now; repeated until taken.</summary>
public sealed record NodeReported(
    NodeId Node, WorkerSession Session, long Sequence, bool Up, string DataAddress, IReadOnlyList<GpuDescription> Gpus) : GrainMessage
{
    /// <summary>The node's labels; null: it has none.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }
}

/// <summary>
/// A peer could not connect to a node's data port in a generation, and the job goes on without the node. Not repeated: the next generation
/// says it again.
/// </summary>
/// <param name="Node">The node.</param>
/// <param name="Address">Its data address.</param>
/// <param name="By">Who dialled it.</param>
/// <param name="Job">The job.</param>
/// <param name="Generation">Its generation.</param>
/// <param name="Detail">The dialler's error, for people.</param>
public sealed record NodeUnreached(NodeId Node, string Address, NodeId By, JobId Job, long Generation, string Detail) : GrainMessage;

/// <summary>Whether a gpu may be given work; repeated until the cluster has made it durable (<see cref="GpuConditionTaken"/>).</summary>
public sealed record GpuConditionReported(GpuId Gpu, WorkerSession Session, bool Schedulable, string Reason) : GrainMessage
{
    /// <summary>
    /// Whether its stored state is out of the ordinary, so that its grain has something to do by itself: it is woken whenever its node
    /// comes.
    /// </summary>
    public bool Watched { get; init; }

    /// <summary>Activation of the gpu that speaks; 0: an older silo's, which waits for no answer.</summary>
    public long Incarnation { get; init; }

    /// <summary>Counts what that activation has reported: of two reports, the one that is later by (incarnation, number) holds.</summary>
    public long Number { get; init; }
}

/// <summary>
/// A job says how many gpus it wants and which it still uses; what was given to it and is neither used nor wanted goes back.
/// A gpu is used until the generation without it is durable. Preferred ones are given first: they may hold the job's state. Repeated until
/// the cluster's answer satisfies it.
/// </summary>
public sealed record GpusRequested(
    JobId Job, long Incarnation, long Sequence, int Wanted, IReadOnlyList<GpuId> Used, IReadOnlyList<GpuId> Preferred) : GrainMessage
{
    /// <summary>Class that the gpus must have: the job's own once it has one, else what its spec names; null or empty: any one.</summary>
    public string? DeviceClass { get; init; }

    /// <summary>Priority of the job: where there is too little for all, the one with the lowest gives back first.</summary>
    public int Priority { get; init; }

    /// <summary>
    /// Fewest gpus with which the job can go on: below them it is given all that it lacks or nothing. Null: an older job speaks, and any
    /// number will do.
    /// </summary>
    public int? Minimum { get; init; }

    /// <summary>
    /// Whether the job is parked: the gpus that it uses hold its state and compute nothing, until the cluster wants none of them back any
    /// more.
    /// </summary>
    public bool Parked { get; init; }

    /// <summary>Gpus are given and kept in so many of one node, for a gang; 0: they are given one by one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int PerNode { get; init; }

    /// <summary>Nodes of which none is given.</summary>
    public IReadOnlyList<NodeId> Avoid { get; init; } = [];

    /// <summary>Whether a gang asks, and not a training job.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Gang { get; init; }

    /// <summary>
    /// The newest offer that the job goes by, since it takes no earlier one from now on; below all numbers: none has come. Null: an older
    /// job speaks, and does not say.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public OfferNumber? Heard { get; init; }

    /// <summary>Whether one gpu alone holds the job's state: a second one is given to it before anybody else is given any.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool OneHolder { get; init; }
}

/// <summary>Tells the cluster's offers apart, and which of two is the newer one.</summary>
/// <param name="Incarnation">Activation of the cluster that made it.</param>
/// <param name="Sequence">Its number among the offers of that activation, to whichever job.</param>
public readonly record struct OfferNumber(long Incarnation, long Sequence);

// To a job.

/// <summary>
/// A gpu is to be taken out of service: the job goes on without it as soon as nothing is lost by that. Repeated until the gpu hears its
/// release.
/// </summary>
public sealed record GpuWithdrawn(GpuId Gpu, string Reason) : GrainMessage;

/// <summary>All gpus that are the job's now, sorted, with where and whether they can be reached.</summary>
public sealed record GpusOffered(long Incarnation, long Sequence, IReadOnlyList<GpuOffer> Gpus) : GrainMessage
{
    /// <summary>What there is beside them, where the job wants more than it has; null: it has enough, or an older cluster speaks.</summary>
    public GpuSupply? Supply { get; init; }

    /// <summary>
    /// Incarnation of the job's machine that the cluster had heard last. Another one passes the offer over, and asks: it was made for an
    /// activation that is gone, and may give what was taken back since. Null: an older cluster speaks.
    /// </summary>
    public long? For { get; init; }

    /// <summary>Whether the job is to say at once that the offer has come, since somebody waits for that.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Confirm { get; init; }
}

/// <summary>A gpu given to a job. <paramref name="Up"/>: its node is connected, and it may be given work.</summary>
public sealed record GpuOffer(GpuId Gpu, WorkerSession Session, string DataAddress, string DeviceClass, string Device, bool Up)
{
    /// <summary>
    /// Whether its node is connected, whatever the gpu's health; null: an older cluster speaks, and <see cref="Up"/> is all that is known.
    /// </summary>
    public bool? NodeUp { get; init; }

    /// <summary>Why the job is to go on without the gpu as soon as nothing is lost by that; null: it may keep it.</summary>
    public string? GiveBack { get; init; }

    /// <summary>
    /// Whether operators have drained it: the job keeps it as its own, and computes nothing there, until others hold the state that it has.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Drained { get; init; }
}

/// <summary>What the cluster has for a job that wants more gpus than it got.</summary>
/// <param name="OfClass">Gpus in service whose class would do, free or not.</param>
/// <param name="Others">Free gpus in service of other classes, by class.</param>
public sealed record GpuSupply(int OfClass, IReadOnlyList<FreeGpus> Others)
{
    /// <summary>Why free gpus of its class are not given to it; null: there are none, or an older cluster speaks.</summary>
    public Clusters.HeldBack? Held { get; init; }

    /// <summary>How many the job wants and there are free, and who has the others, for people; null: an older cluster speaks.</summary>
    public string? Waits { get; init; }
}

/// <summary>Free gpus of one class.</summary>
public readonly record struct FreeGpus(string DeviceClass, int Count);

/// <summary>Start training.</summary>
public sealed record SubmitJob(JobSpec Spec) : GrainMessage;

/// <summary>Somebody wants a checkpoint now, whatever the interval says.</summary>
public sealed record CheckpointWanted(string Reason) : GrainMessage;

/// <summary>End the job without a model.</summary>
public sealed record CancelJob(string Reason) : GrainMessage
{
    /// <summary>How the reason of a job begins that somebody has ended.</summary>
    public const string ReasonPrefix = "cancelled: ";

    /// <summary>Why a job that this has ended says that it has.</summary>
    [JsonIgnore]
    public string ReasonOfJob => ReasonPrefix + Reason;
}

/// <summary>
/// Train for more steps, or with more ranks: what is less than the job has, or cannot be, changes nothing (<see cref="ExtensionPolicy"/>).
/// </summary>
/// <param name="Steps">Steps that the job is to have; null: those that it has.</param>
/// <param name="Ranks">Ranks that it is to want; null: those that it wants.</param>
public sealed record ExtendJob(long? Steps, int? Ranks) : GrainMessage
{
    /// <summary>
    /// Whether every process that was of the job has ended, as whoever started them all knows: then nobody is waited for who may have its
    /// state.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool WorkersEnded { get; init; }
}

/// <summary>A node of the job lost or regained its connection to the silo.</summary>
public sealed record NodeLinkReported(NodeId Node, WorkerSession Session, bool Connected) : GrainMessage
{
    /// <summary>
    /// Whether the connection stands, and the worker was only not heard for too long. That is no proof: a silo that thousands answer at
    /// once hears many of them late.
    /// </summary>
    public bool Silent { get; init; }
}

/// <summary>A worker's report, passed on by its node.</summary>
public sealed record WorkerReported(NodeId Node, WorkerSession Session, JobReport Report) : GrainMessage;

/// <summary>The final model is durable in the model store.</summary>
public sealed record ModelStored(string Sha256, long Bytes) : GrainMessage
{
    /// <summary>
    /// The step that it is of, since a job may be given more steps while its model is on the way; null: whoever brought it did not say, and
    /// it is the last one.
    /// </summary>
    public long? Step { get; init; }
}
