namespace Coordinator.Worker.Kernels;

/// <summary>What the collective computes on blocks of gradients. (Stands in for the kernels' own until they are merged.)</summary>
public static class BlockMath
{
    /// <summary>Sum of the squares in float64: element i goes to lane i mod 16 of sixteen, the lanes are combined by a fixed tree.</summary>
    public static double SumOfSquares(ReadOnlySpan<float> x)
    {
        Span<double> lanes = stackalloc double[16];
        for (var i = 0; i < x.Length; i++)
            lanes[i & 15] += (double)x[i] * x[i];
        for (var width = 8; width > 0; width >>= 1)
        {
            for (var i = 0; i < width; i++)
                lanes[i] += lanes[i + width];
        }

        return lanes[0];
    }

    /// <summary><c>acc[i] = acc[i] + x[i]</c>.</summary>
    public static void Add(Span<float> acc, ReadOnlySpan<float> x)
    {
        for (var i = 0; i < acc.Length; i++)
            acc[i] += x[i];
    }
}
