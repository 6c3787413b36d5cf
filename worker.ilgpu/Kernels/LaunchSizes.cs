using ILGPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>Grids and groups for the kinds of kernels.</summary>
internal static class LaunchSizes
{
    /// <summary>Threads that take elements in turn.</summary>
    public static KernelConfig Elements(KernelTuning tuning, long count) =>
        new(
            (int)Math.Clamp((count + tuning.ElementThreads - 1) / tuning.ElementThreads, 1, tuning.MaxElementGroups),
            tuning.ElementThreads);

    /// <summary>One group a row.</summary>
    public static KernelConfig Rows(KernelTuning tuning, int rows) => new(rows, tuning.RowThreads);

    /// <summary>One group for each tile of each head.</summary>
    public static KernelConfig Heads(KernelTuning tuning, int tiles, int heads) =>
        new(new Index3D(tiles, heads, 1), new Index3D(tuning.AttentionThreads, 1, 1));
}
