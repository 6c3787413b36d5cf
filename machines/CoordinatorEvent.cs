namespace Coordinator.Machines;

/// <summary>
/// Something that happened, as stored for the views. The engine adds wall time, an ordinal and the name of the silo.
/// </summary>
public sealed record CoordinatorEvent
{
    /// <summary>One of <see cref="EventKinds"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>The job concerned, if any.</summary>
    public JobId? Job { get; init; }

    /// <summary>The node concerned, if any.</summary>
    public NodeId? Node { get; init; }

    /// <summary>The gpu concerned, if any.</summary>
    public GpuId? Gpu { get; init; }

    /// <summary>The job's timeline at the time.</summary>
    public int? Timeline { get; init; }

    /// <summary>The job's generation at the time.</summary>
    public long? Generation { get; init; }

    /// <summary>The step concerned, if any.</summary>
    public long? Step { get; init; }

    /// <summary>Why, in a word or two that views group by: <c>connection closed</c>, <c>silent</c>, <c>fault</c> …</summary>
    public string? Cause { get; init; }

    /// <summary>How long it took, in milliseconds of the grain's monotonic time, where that means something.</summary>
    public double? DurationMs { get; init; }

    /// <summary>One line for people.</summary>
    public string Text { get; init; } = "";

    /// <summary>Further numbers of this kind of event, by name.</summary>
    public IReadOnlyDictionary<string, double>? Numbers { get; init; }
}

/// <summary>The kinds of event.</summary>
public static class EventKinds
{
    /// <summary>A job was accepted.</summary>
    public const string JobSubmitted = "job.submitted";

    /// <summary>A job waits: for gpus, or for a member that holds the state.</summary>
    public const string JobWaiting = "job.waiting";

    /// <summary>A job has fewer ranks than it wants because free gpus are of another device class; it may be running.</summary>
    public const string JobShort = "job.short";

    /// <summary>A job ended with its final model recorded.</summary>
    public const string JobFinished = "job.finished";

    /// <summary>A job ended without a model.</summary>
    public const string JobFailed = "job.failed";

    /// <summary>A job was given more steps or ranks; a finished one trains again.</summary>
    public const string JobExtended = "job.extended";

    /// <summary>A job's grain was loaded by a silo.</summary>
    public const string JobActivated = "job.activated";

    /// <summary>A new membership is durable; its members are being asked for their state.</summary>
    public const string GenerationForming = "generation.forming";

    /// <summary>All members answered; the plans are out.</summary>
    public const string GenerationPlanned = "generation.planned";

    /// <summary>Every member has applied a step in the generation: the recovery, if it was one, is over.</summary>
    public const string GenerationRunning = "generation.running";

    /// <summary>A member was left out of the next generation.</summary>
    public const string RankExcluded = "rank.excluded";

    /// <summary>A gpu became a member. Not said where more than 256 come at once.</summary>
    public const string RankJoined = "rank.joined";

    /// <summary>A member's answer: <c>applied</c>, <c>boot</c> in the numbers. Not said in jobs of more than 256 members.</summary>
    public const string RankState = "rank.state";

    /// <summary>A member is not ready yet: the job goes on without it, and takes it in when it is. No failure.</summary>
    public const string RankPreparing = "rank.preparing";

    /// <summary>A member said that it needs to leave.</summary>
    public const string RankLeaving = "rank.leaving";

    /// <summary>Reports contradict each other: the promise of equal bits is broken.</summary>
    public const string Diverged = "job.diverged";

    /// <summary>
    /// A job's program was found to compute other bits for the same, or is allowed to: no equal bits are promised from now on.
    /// </summary>
    public const string PromiseEnded = "job.no-promise";

    /// <summary>A checkpoint is complete and recorded.</summary>
    public const string CheckpointSaved = "checkpoint.saved";

    /// <summary>A checkpoint did not become complete; training goes on.</summary>
    public const string CheckpointFailed = "checkpoint.failed";

    /// <summary>A checkpoint cannot be read; the one before it is next.</summary>
    public const string CheckpointUnreadable = "checkpoint.unreadable";

    /// <summary>The job goes back to a checkpoint, on a new timeline.</summary>
    public const string CheckpointRestored = "checkpoint.restored";

    /// <summary>
    /// The job goes on, on a new timeline, from a state that a worker has kept: of an earlier timeline, or behind the record.
    /// </summary>
    public const string StateRegained = "state.regained";

    /// <summary>One rank alone holds the state of a job that is to have several.</summary>
    public const string StateOneHolder = "state.one-holder";

    /// <summary>Several ranks hold the state again.</summary>
    public const string StateHeldAgain = "state.held-again";

    /// <summary>A worker connected.</summary>
    public const string NodeUp = "node.up";

    /// <summary>A second worker came under the name of a node that is heard, and was refused.</summary>
    public const string NodeRefused = "node.refused";

    /// <summary>No peer reaches a node's data port: its free gpus are given to no job for a while.</summary>
    public const string NodeSetAside = "node.set-aside";

    /// <summary>Operators have drained a node or a gpu: it gets no new work, and what is there leaves in order.</summary>
    public const string DrainStarted = "drain.started";

    /// <summary>Nothing of any job is left on a node or gpu that is drained.</summary>
    public const string DrainDone = "drain.done";

    /// <summary>A node or gpu that was drained is given work again.</summary>
    public const string DrainEnded = "drain.ended";

    /// <summary>A node is out of reach.</summary>
    public const string NodeDown = "node.down";

    /// <summary>A gpu is healthy again, or was taken out of service.</summary>
    public const string GpuHealth = "gpu.health";

    /// <summary>A gpu's telemetry shows an error; what is done about it is in the text.</summary>
    public const string GpuError = "gpu.error";

    /// <summary>The operators changed the site's power: settings, cap or approval; what follows is in the text.</summary>
    public const string PowerChanged = "power.changed";

    /// <summary>A job is to give gpus back, since there is too little power for all.</summary>
    public const string PowerShed = "power.shed";

    /// <summary>A job that has too few gpus to go on with is to give back all but one, since another waits for them.</summary>
    public const string GpusIdle = "gpu.idle";

    /// <summary>A job gets gpus back, or may keep those that it was to give back.</summary>
    public const string PowerRestored = "power.restored";

    /// <summary>A cooling zone was set or cleared; what follows is in the text.</summary>
    public const string CoolingChanged = "cooling.changed";

    /// <summary>Gpus of a job are throttled, since their cooling zone is too hot, or are so no more.</summary>
    public const string GpuThrottled = "gpu.throttled";

    /// <summary>A stored file is not what it was when it was stored; it is not served, and waits for its right bytes.</summary>
    public const string StorageDamaged = "storage.damaged";

    /// <summary>The right bytes came, and took the damaged file's place.</summary>
    public const string StorageRepaired = "storage.repaired";

    /// <summary>A gang's generation is being ended; the text says why.</summary>
    public const string GangStopping = "gang.stopping";

    /// <summary>Why a gang's generation ended, once all of it is dead: the first cause, and how many ranks followed.</summary>
    public const string GangFailure = "gang.failure";

    /// <summary>A node is left out of a gang, or is taken again.</summary>
    public const string GangNode = "gang.node";

    /// <summary>A silo process started or stopped.</summary>
    public const string Silo = "silo";
}

/// <summary>One applied step as reported by a rank.</summary>
/// <param name="Step">The step, from 1.</param>
/// <param name="Generation">Generation in which it was applied.</param>
/// <param name="Loss">Mean loss over the step's targets, nats.</param>
/// <param name="GradientNorm">Global gradient norm before clipping.</param>
/// <param name="Milliseconds">Wall time from the previous step applied by the reporting rank to this one.</param>
/// <param name="Targets">Targets (tokens) of the step.</param>
public sealed record StepRecord(long Step, long Generation, double Loss, double GradientNorm, double Milliseconds, long Targets);
