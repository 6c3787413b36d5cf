namespace Coordinator.Programs;

/// <summary>
/// A few samples of one shard, whose gradient is wanted. A shard of more samples than the job's <c>training.micro_batch</c> is computed in
/// several passes.
/// </summary>
public readonly ref struct Pass
{
    /// <summary>All parameters, in the order of the tensors.</summary>
    public required ReadOnlySpan<float> Parameters { get; init; }

    /// <summary>
    /// The gradient, in the same order. Without <see cref="Accumulate"/> it holds nothing of use, and all of it has to be written.
    /// </summary>
    public required Span<float> Gradient { get; init; }

    /// <summary>Whether an earlier pass of the shard is in <see cref="Gradient"/> already, so that this one is added to it.</summary>
    public required bool Accumulate { get; init; }

    /// <summary>Samples, 1 to <see cref="ProgramJob.MicroBatch"/>.</summary>
    public required int Count { get; init; }

    /// <summary>
    /// Place of the first sample in the job's endless order of samples; the others follow. What is random in a sample has to follow from
    /// the job's seed and this number.
    /// </summary>
    public required long FirstPosition { get; init; }

    /// <summary>Rows [Count, columns], where the program asked for rows.</summary>
    public ReadOnlySpan<float> Rows { get; init; }

    /// <summary>Windows of tokens [Count, length], where the program asked for those.</summary>
    public ReadOnlySpan<int> Tokens { get; init; }

    /// <summary>What the coordinator's own programs compute with.</summary>
    public required IProgramKernels Kernels { get; init; }

    /// <summary>Nobody wants the gradient any more: a pass that takes long may end with <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken Cancel { get; init; }
}
