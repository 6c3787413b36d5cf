namespace Coordinator.Machines;

/// <summary>What a rank's host tells its machine.</summary>
public abstract record RankInput;

/// <summary>
/// An order came, from the grain of the gpu. <paramref name="Members"/> is the generation's membership; null with a release.
/// <paramref name="Cuts"/>, with a plan, are the shard maps that follow from both where the host has made them once for all its ranks;
/// with null the rank makes them.
/// </summary>
public sealed record OrderArrived(RankOrder Order, Membership? Members, GenerationCuts? Cuts = null) : RankInput;

/// <summary>The state of step 0 stands, as <see cref="InitializeState"/> asked under <paramref name="Ticket"/>.</summary>
public sealed record StateInitialized(long Ticket) : RankInput;

/// <summary>
/// The computing that <see cref="ComputeShard"/> asked for under <paramref name="Ticket"/> is done; its gradient waits to be kept.
/// </summary>
public sealed record ShardComputed(long Ticket) : RankInput;

/// <summary>The optimizer ran to its end, as <see cref="ApplyStep"/> asked under <paramref name="Ticket"/>.</summary>
public sealed record StepFinished(long Ticket, long Step) : RankInput;

/// <summary>
/// The whole state was hashed, as <see cref="HashState"/> asked under <paramref name="Ticket"/>; <paramref name="Nonfinite"/> of its
/// parameters are infinite or no number.
/// </summary>
public sealed record StateHashed(long Ticket, string Sha256, long Nonfinite = 0) : RankInput;

/// <summary>
/// A frame came, its checksum right. <paramref name="Payload"/> is the host's handle of the payload, which outputs of this and
/// later turns name; the host may free it as soon as the machine has answered with <see cref="ReleasePayload"/>.
/// </summary>
public sealed record FrameArrived(FrameHeader Header, long Payload) : RankInput;

/// <summary>A worker of the generation <paramref name="Generation"/> cannot be reached any more, or sends nonsense.</summary>
public sealed record PeerLost(NodeId Node, long Generation, Evidence Evidence, string Detail) : RankInput
{
    /// <summary>Whether this worker dialled it and never came to a connection in the generation.</summary>
    public bool Unreached { get; init; }
}

/// <summary>The rank's program or device failed.</summary>
public sealed record DeviceFailed(string Detail, FaultKind Kind = FaultKind.Unknown) : RankInput
{
    /// <summary>Whether it computed other bits for the same shard and the same state.</summary>
    public bool Disagrees { get; init; }
}

/// <summary>The worker was asked to end.</summary>
public sealed record LeaveRequested(string Reason) : RankInput;

/// <summary>The worker has a new connection to a silo: whatever still waits for an answer is said again.</summary>
public sealed record SiloReached : RankInput;

/// <summary>The coordinator has recorded the timeline's steps up to here.</summary>
public sealed record RecordsTaken(int Timeline, long Through) : RankInput;

/// <summary>The machine's next deadline passed.</summary>
public sealed record RankDeadlinePassed : RankInput;

/// <summary>The job wants the rank's slice of the state saved, or to hear again that it is.</summary>
public sealed record SaveOrdered(SaveCheckpoint Order) : RankInput;

/// <summary>
/// The slice is durable, as <see cref="SaveState"/> asked; <paramref name="Failure"/> says why it is not, and
/// <paramref name="Nonfinite"/> how many of the parameters in it are infinite or no number.
/// </summary>
public sealed record StateSaved(
    CheckpointId Checkpoint, CheckpointPart? Part, double SnapshotMs, double WriteMs, string? Failure, long Nonfinite = 0) : RankInput;

/// <summary>
/// The state was read from the checkpoint, as <see cref="LoadState"/> asked under <paramref name="Ticket"/>; <paramref name="Failure"/>
/// says why it was not, and <paramref name="IsStateTouched"/> whether the state that was there before is gone all the same.
/// <paramref name="IsGivenUp"/>: somebody waited for the rank's answer, so the reading was ended before anything could be said of the
/// checkpoint.
/// </summary>
public sealed record StateLoaded(long Ticket, string? Failure, bool IsStateTouched = true, bool IsGivenUp = false) : RankInput;
