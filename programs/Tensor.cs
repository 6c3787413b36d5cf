namespace Coordinator.Programs;

/// <summary>
/// One named tensor of a program. All tensors lie behind one another in one array of float32, in the order in which they were declared, and
/// a gradient has the same places.
/// </summary>
public sealed class Tensor
{
    internal Tensor(string name, int[] shape, int length, int offset, FirstValues first, double deviation) =>
        (Name, Shape, Length, Offset, First, Deviation) = (name, shape, length, offset, first, deviation);

    /// <summary>Its name in the model file.</summary>
    public string Name { get; }

    /// <summary>Lengths of its axes; stored row by row.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>Number of elements.</summary>
    public int Length { get; }

    /// <summary>Place of its first element among all parameters.</summary>
    public int Offset { get; }

    /// <summary>What it begins with.</summary>
    public FirstValues First { get; }

    /// <summary>Standard deviation of normal first values; else 0.</summary>
    public double Deviation { get; }

    /// <summary>This tensor's part of all parameters.</summary>
    public ReadOnlySpan<float> Of(ReadOnlySpan<float> parameters) => parameters.Slice(Offset, Length);

    /// <summary>This tensor's part of a gradient.</summary>
    public Span<float> Of(Span<float> gradient) => gradient.Slice(Offset, Length);
}
