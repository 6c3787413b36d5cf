using ILGPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>How many threads share a tile of the matrix product, as a type, so that a kernel is compiled for it.</summary>
internal interface IMatMulTiling
{
    /// <summary>S, threads along each side: the tile has 8 S rows and columns and is S deep.</summary>
    int Side { get; }

    /// <summary>Shared memory for two tiles of each operand, S (8 S + 4) times four floats.</summary>
    ArrayView<Float4> AllocateShared();
}

/// <summary>128 x 128 outputs, 16 deep, 256 threads; 33 KiB of shared memory.</summary>
internal readonly struct LargeTiling : IMatMulTiling
{
    public int Side => 16;

    public ArrayView<Float4> AllocateShared() => SharedMemory.Allocate<Float4>(16 * 132);
}

/// <summary>64 x 64 outputs, 8 deep, 64 threads, for products that would fill too few large tiles; 9 KiB of shared memory.</summary>
internal readonly struct MediumTiling : IMatMulTiling
{
    public int Side => 8;

    public ArrayView<Float4> AllocateShared() => SharedMemory.Allocate<Float4>(8 * 68);
}

/// <summary>32 x 32 outputs, 4 deep, 16 threads: the same code at a size that suits ILGPU's CPU accelerator.</summary>
internal readonly struct TinyTiling : IMatMulTiling
{
    public int Side => 4;

    public ArrayView<Float4> AllocateShared() => SharedMemory.Allocate<Float4>(4 * 36);
}
