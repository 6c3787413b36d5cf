namespace Coordinator.Machines;

/// <summary>
/// What a rank's machine asks its host to do, in order. The host owns the numbers: the state (parameters and moments), P (partial
/// sums by subtree), staging (others' contributions) and R (the reduced gradient, with its sums of squares, loss and targets).
/// </summary>
public abstract record RankOutput;

/// <summary>Send a report to the job. Repeated by the machine until it is answered where an answer exists.</summary>
public sealed record TellJob(WorkerMessage Message) : RankOutput;

/// <summary>Set the state of step 0 from the seed; answer <see cref="StateInitialized"/>.</summary>
public sealed record InitializeState(long Ticket) : RankOutput;

/// <summary>
/// Compute a shard's gradient at the present state into a free buffer; answer <see cref="ShardComputed"/>. One is asked for at a time.
/// </summary>
public sealed record ComputeShard(long Ticket, long Step, int Shard) : RankOutput;

/// <summary>The computing under way is of no more use; no answer is waited for, and none is heeded.</summary>
public sealed record CancelComputing : RankOutput;

/// <summary>The buffer computed under <paramref name="Ticket"/> becomes the subtree of that one shard in P.</summary>
public sealed record KeepGradient(long Ticket, Subtree Leaf) : RankOutput;

/// <summary>In P: left = left + right, elementwise, under the parent's name; the right buffer is free. Loss and targets likewise.</summary>
public sealed record MergeSubtrees(Subtree Left, Subtree Right) : RankOutput;

/// <summary>
/// This subtree of P is as the plan wants it and will be sent: a host whose sums lie on a device begins to bring it to its own memory,
/// beside the next computing. A hint, since a frame that needs it waits for it.
/// </summary>
public sealed record PublishSubtree(Subtree Subtree) : RankOutput;

/// <summary>P no longer holds this subtree; its buffer is free.</summary>
public sealed record DropSubtree(Subtree Subtree) : RankOutput;

/// <summary>Where a frame's payload comes from.</summary>
public enum PayloadSource
{
    /// <summary>No payload.</summary>
    None,

    /// <summary>
    /// Block <see cref="FrameHeader.Block"/> of the subtree <see cref="FrameHeader.Subtree"/> in P. The host fills in loss and targets for
    /// block 0.
    /// </summary>
    Partial,

    /// <summary>
    /// Block <see cref="FrameHeader.Block"/> of R. The host fills in the block's sum of squares, and loss and targets for block 0.
    /// </summary>
    Reduced,

    /// <summary>Block <see cref="FrameHeader.Block"/> of the state.</summary>
    State,
}

/// <summary>
/// Send a frame to another rank; the host fills in payload length and checksum. To a rank of the same worker it is handed over in
/// memory. What <paramref name="Source"/> names is not overwritten before the frame has left or its generation is over.
/// </summary>
public sealed record SendFrame(FrameHeader Header, PayloadSource Source) : RankOutput;

/// <summary>
/// Keep the payload as the contribution of a subtree to a block in staging, with loss and targets of the header. The payload stays held
/// until <see cref="ReduceBlock"/> or <see cref="ReleasePayload"/>.
/// </summary>
public sealed record StageContribution(long Payload, FrameHeader Header) : RankOutput;

/// <summary>The payload is of no more use.</summary>
public sealed record ReleasePayload(long Payload) : RankOutput;

/// <summary>
/// Add up a block along the tree from the subtrees in <paramref name="Parts"/> (in order, covering all shards; payload 0 means own P),
/// write it to R and note its sum of squares, and for block 0 loss and targets. Staged payloads of it are released by the machine after.
/// </summary>
public sealed record ReduceBlock(int Block, long Step, IReadOnlyList<BlockPart> Parts) : RankOutput;

/// <summary>A part of a block's sum: a subtree, from staging by its payload's handle, or from own P where it is 0.</summary>
public readonly record struct BlockPart(Subtree Subtree, long Payload);

/// <summary>Write the payload to a block of R, with the header's sum of squares, loss and targets.</summary>
public sealed record StoreReduced(long Payload, FrameHeader Header) : RankOutput;

/// <summary>Write the payload to a block of the state.</summary>
public sealed record StoreState(long Payload, FrameHeader Header) : RankOutput;

/// <summary>
/// Run the optimizer with R, which is whole and carries <paramref name="Step"/>; answer <see cref="StepFinished"/>. Waits for computing
/// under way to end first.
/// </summary>
public sealed record ApplyStep(long Ticket, long Step, long Generation) : RankOutput;

/// <summary>Hash the whole state (see <see cref="RankFinished"/>); answer <see cref="StateHashed"/>.</summary>
public sealed record HashState(long Ticket) : RankOutput;

/// <summary>
/// Rank 0 of the last generation: write the final model and bring it to the model store; repeated until the job releases the rank, so it
/// must be idempotent.
/// </summary>
public sealed record StoreModel(long Step) : RankOutput;

/// <summary>The state is of no more use.</summary>
public sealed record ForgetState : RankOutput;

/// <summary>
/// Copy blocks <paramref name="Start"/> to <paramref name="Start"/> + <paramref name="Count"/> - 1 of the state as it is now, before
/// anything that is asked for later changes it; write the copy beside the training; answer <see cref="StateSaved"/>.
/// </summary>
public sealed record SaveState(CheckpointId Checkpoint, int Rank, int Ranks, int Start, int Count) : RankOutput;

/// <summary>
/// Set the state from a checkpoint, which is verified while it is read; answer <see cref="StateLoaded"/>. With
/// <paramref name="VerifyFirst"/> there is a state already, and nothing of it may be overwritten before the whole checkpoint has been
/// verified.
/// </summary>
public sealed record LoadState(long Ticket, CheckpointRef Checkpoint, bool VerifyFirst) : RankOutput;
