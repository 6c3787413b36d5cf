using ILGPU;

namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>
/// Sizes of the attention kernels' tiles, as a type. What a group holds in shared memory (of which a group has 48 KiB): four tiles of
/// [Rows, Size + 4] and two of [Rows, Rows + 4] floats; the 4 keep rows out of each other's banks and at multiples of four floats.
/// </summary>
internal interface IAttentionTiling
{
    /// <summary>Queries and keys of a tile.</summary>
    int Rows { get; }

    /// <summary>Channels of a head that there is room for; what is beyond a smaller head is 0.</summary>
    int Size { get; }

    /// <summary>Rows (Size + 4) floats.</summary>
    ArrayView<Float4> AllocateChannels();

    /// <summary>Rows (Rows + 4) floats.</summary>
    ArrayView<Float4> AllocateScores();
}

/// <summary>Heads of up to 16 channels.</summary>
internal readonly struct Heads16 : IAttentionTiling
{
    public int Rows => 32;

    public int Size => 16;

    public ArrayView<Float4> AllocateChannels() => SharedMemory.Allocate<Float4>(32 * 5);

    public ArrayView<Float4> AllocateScores() => SharedMemory.Allocate<Float4>(32 * 9);
}

/// <summary>Heads of up to 64 channels.</summary>
internal readonly struct Heads64 : IAttentionTiling
{
    public int Rows => 32;

    public int Size => 64;

    public ArrayView<Float4> AllocateChannels() => SharedMemory.Allocate<Float4>(32 * 17);

    public ArrayView<Float4> AllocateScores() => SharedMemory.Allocate<Float4>(32 * 9);
}

/// <summary>Heads of up to 128 channels.</summary>
internal readonly struct Heads128 : IAttentionTiling
{
    public int Rows => 16;

    public int Size => 128;

    public ArrayView<Float4> AllocateChannels() => SharedMemory.Allocate<Float4>(16 * 33);

    public ArrayView<Float4> AllocateScores() => SharedMemory.Allocate<Float4>(16 * 5);
}

/// <summary>Heads of up to 256 channels.</summary>
internal readonly struct Heads256 : IAttentionTiling
{
    public int Rows => 8;

    public int Size => 256;

    public ArrayView<Float4> AllocateChannels() => SharedMemory.Allocate<Float4>(8 * 65);

    public ArrayView<Float4> AllocateScores() => SharedMemory.Allocate<Float4>(8 * 3);
}
