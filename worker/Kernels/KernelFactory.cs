namespace Coordinator.Worker.Kernels;

/// <summary>Makes kernels of a chosen width.</summary>
internal static class KernelFactory
{
    /// <summary>Kernels of <paramref name="width"/> on <paramref name="threads"/> threads.</summary>
    /// <exception cref="PlatformNotSupportedException">This machine lacks the width.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer than 1 or more than 256 threads.</exception>
    public static IKernels Create(VectorWidth width, int threads = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, 256);
        if (threads == 1) return CreateSingle(width);
        return new ThreadedKernels([.. Enumerable.Range(0, threads).Select(_ => CreateSingle(width))]);
    }

    private static IKernels CreateSingle(VectorWidth width) => VectorWidths.Resolve(width) switch
    {
        VectorWidth.Plain => new PlainKernels(),
        VectorWidth.W128 => new SimdKernels<Lanes128>(),
        VectorWidth.W256 => new SimdKernels<Lanes256>(),
        _ => new SimdKernels<Lanes512>(),
    };
}
