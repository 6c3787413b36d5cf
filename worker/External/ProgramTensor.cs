using Coordinator.Worker.Checkpoints;

namespace Coordinator.Worker.External;

/// <summary>One entry of a program's state.</summary>
/// <param name="Name">Its name; of parameters, the module's own.</param>
/// <param name="Dtype">Type of its elements.</param>
/// <param name="Shape">Lengths of its axes.</param>
/// <param name="Offset">Its first byte in the state.</param>
/// <param name="IsModel">Whether the final model has it.</param>
/// <param name="IsTrained">Whether the gradient has a part for it: those parts lie one behind the other, in the order of the
/// entries.</param>
public sealed record ProgramTensor(
    string Name, SafeTensorsDtype Dtype, IReadOnlyList<long> Shape, long Offset, bool IsModel, bool IsTrained = false)
{
    /// <summary>Number of its elements.</summary>
    public long Elements { get; } = Shape.Aggregate(1L, (product, axis) => checked(product * axis));

    /// <summary>Its length in bytes.</summary>
    public long Bytes { get; } = Shape.Aggregate(1L, (product, axis) => checked(product * axis)) * Dtype.Bytes();
}
