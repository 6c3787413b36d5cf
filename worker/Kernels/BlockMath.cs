namespace Coordinator.Worker.Kernels;

/// <summary>What the collective computes on blocks of gradients. Thread-safe; the same bits on every machine of a device class.</summary>
public static unsafe class BlockMath
{
    private static readonly IKernels Kernels =
        KernelFactory.Create(VectorWidths.WhyUnsupported(VectorWidth.Auto) is null ? VectorWidth.Auto : VectorWidth.Plain);

    /// <summary>
    /// Sum of the squares in float64: element i goes to lane i mod 16 of sixteen, the lanes are combined by a fixed tree.
    /// </summary>
    public static double SumOfSquares(ReadOnlySpan<float> x)
    {
        fixed (float* from = x) return Kernels.SumOfSquares(from, x.Length);
    }

    /// <summary><c>acc[i] = acc[i] + x[i]</c>.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Add(Span<float> acc, ReadOnlySpan<float> x)
    {
        if (acc.Length != x.Length) throw new ArgumentException($"The sum has {acc.Length} elements, the addend {x.Length}.", nameof(x));
        fixed (float* to = acc, from = x) Kernels.Add(to, from, acc.Length);
    }
}
