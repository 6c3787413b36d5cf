using Coordinator.Worker.Kernels;

namespace Coordinator.Worker.Programs;

/// <summary>How a CPU device computes; nothing here changes a bit of the result, except <see cref="VectorWidth.Plain"/>.</summary>
public sealed record CpuDeviceOptions
{
    /// <summary>Vector width of the kernels. Default: the widest that is fast here.</summary>
    public VectorWidth Width { get; init; } = VectorWidth.Auto;
}
