using System.Collections.Immutable;
using Coordinator.Programs;

namespace Coordinator.Worker.Programs;

/// <summary>One named tensor of a program's parameters.</summary>
/// <param name="Name">Its name in exports, as in Hugging Face's GPT-2.</param>
/// <param name="Shape">Lengths of its axes; stored row-major.</param>
/// <param name="Offset">Its first element's place among all parameters.</param>
/// <param name="Initial">How it begins.</param>
/// <param name="Deviation">Standard deviation of normal initial values; otherwise 0.</param>
public sealed record TensorInfo(string Name, ImmutableArray<int> Shape, int Offset, FirstValues Initial, double Deviation)
{
    /// <summary>Number of elements.</summary>
    public int Length { get; } = Shape.Aggregate(1, (product, axis) => product * axis);

    /// <summary>Whether weight decay applies: to matrices, not to biases and norms.</summary>
    public bool Decays => Shape.Length >= 2;
}

/// <summary>
/// Names, shapes and places of a program's tensors in the one flat float32 array that devices, gradients and checkpoints share.
/// Tensors follow each other without gaps.
/// </summary>
public sealed class ParameterLayout
{
    private readonly Dictionary<string, TensorInfo> byName;

    private ParameterLayout(ImmutableArray<TensorInfo> tensors)
    {
        Tensors = tensors;
        byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        ParameterCount = tensors.Sum(tensor => tensor.Length);
    }

    /// <summary>All tensors, in order of offset.</summary>
    public ImmutableArray<TensorInfo> Tensors { get; }

    /// <summary>Number of elements of all tensors.</summary>
    public int ParameterCount { get; }

    /// <summary>The tensor of that name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public TensorInfo this[string name] => byName[name];

    /// <summary>No tensors: of a program whose own process says later what it has.</summary>
    internal static ParameterLayout Unknown { get; } = new([]);

    /// <summary>The tensors that a program has declared.</summary>
    public static ParameterLayout Of(TrainingProgram program) => new(
    [
        .. program.Tensors.Select(tensor => new TensorInfo(tensor.Name, [.. tensor.Shape], tensor.Offset, tensor.First, tensor.Deviation)),
    ]);
}
