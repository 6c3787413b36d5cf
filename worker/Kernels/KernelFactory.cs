namespace Coordinator.Worker.Kernels;

/// <summary>Makes kernels of a chosen width.</summary>
internal static class KernelFactory
{
    /// <summary>Kernels of <paramref name="width"/>.</summary>
    /// <exception cref="PlatformNotSupportedException">This machine lacks the width.</exception>
    public static IKernels Create(VectorWidth width) => VectorWidths.Resolve(width) switch
    {
        VectorWidth.Plain => new PlainKernels(),
        VectorWidth.W128 => new SimdKernels<Lanes128>(),
        VectorWidth.W256 => new SimdKernels<Lanes256>(),
        _ => new SimdKernels<Lanes512>(),
    };
}
