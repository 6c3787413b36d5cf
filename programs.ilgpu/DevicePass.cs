using ILGPU;

namespace Coordinator.Programs.Ilgpu;

/// <summary>As <see cref="Pass"/>, in the device's memory.</summary>
public readonly record struct DevicePass
{
    /// <summary>All parameters, in the order of the tensors.</summary>
    public required ArrayView<float> Parameters { get; init; }

    /// <summary>The gradient. Without <see cref="Accumulate"/> it holds nothing of use, and all of it has to be written.</summary>
    public required ArrayView<float> Gradient { get; init; }

    /// <summary>Receives the loss of each sample [Count]; they are summed in their order, in float64.</summary>
    public required ArrayView<double> Losses { get; init; }

    /// <summary>Whether an earlier pass of the shard is in <see cref="Gradient"/> already.</summary>
    public required bool Accumulate { get; init; }

    /// <summary>Samples, 1 to <see cref="ProgramJob.MicroBatch"/>.</summary>
    public required int Count { get; init; }

    /// <summary>Place of the first sample in the job's endless order of samples.</summary>
    public required long FirstPosition { get; init; }

    /// <summary>Rows [Count, columns], where the program asked for rows; else nothing.</summary>
    public ArrayView<float> Rows { get; init; }

    /// <summary>Windows of tokens [Count, length], where the program asked for those; else nothing.</summary>
    public ArrayView<int> Tokens { get; init; }

    /// <summary>Nobody wants the gradient any more.</summary>
    public CancellationToken Cancel { get; init; }
}
