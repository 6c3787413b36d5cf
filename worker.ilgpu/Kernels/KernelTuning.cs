using ILGPU.Runtime;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>Which matrix product a device uses. None changes a bit.</summary>
internal enum MatMulChoice
{
    /// <summary>
    /// Tiles as large as still give every multiprocessor one, and one thread an output where a product is too small for tiles.
    /// </summary>
    ByShape,

    /// <summary>Always one thread an output.</summary>
    Small,

    /// <summary>Always tiles of 32 x 32.</summary>
    Tiny,

    /// <summary>Always tiles of 64 x 64.</summary>
    Medium,

    /// <summary>Always tiles of 128 x 128.</summary>
    Large,
}

/// <summary>
/// How work is cut for a device: group sizes and tilings. They decide speed alone; results depend on shapes only, which
/// is what the tests of the kernels show by varying them.
/// </summary>
/// <param name="ElementThreads">Threads of a group where every element is independent.</param>
/// <param name="MaxElementGroups">Most groups of such a kernel; a thread takes several elements where there are more.</param>
/// <param name="RowThreads">Threads of a group that shares a row, 1 to 128.</param>
/// <param name="AttentionThreads">Threads of a group of the attention kernels, 1 to 256.</param>
/// <param name="MatMul">Which matrix product.</param>
internal sealed record KernelTuning(int ElementThreads, int MaxElementGroups, int RowThreads, int AttentionThreads, MatMulChoice MatMul)
{
    /// <summary>
    /// The cut for a device: on a GPU many threads; on ILGPU's CPU accelerator, where a barrier takes microseconds, groups of one.
    /// </summary>
    public static KernelTuning For(AcceleratorType type) =>
        type == AcceleratorType.CPU ? new KernelTuning(1, 2, 1, 1, MatMulChoice.Small) : new KernelTuning(
            256, 1 << 20, 128, 128, MatMulChoice.ByShape);
}
