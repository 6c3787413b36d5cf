namespace Coordinator.Worker.Kernels;

/// <summary>Memory for packed operands; grows to the largest request and stays.</summary>
internal sealed unsafe class MatMulScratch : IDisposable
{
    private readonly AlignedBuffer?[] right = new AlignedBuffer?[4];
    private AlignedBuffer? left;

    /// <summary>Packed right operand number <paramref name="slot"/>, 0 to 3; up to four are held at once.</summary>
    public float* Right(int slot, long length)
    {
        if (right[slot] is { } held && held.Length >= length) return held.Pointer;
        right[slot]?.Dispose();
        right[slot] = new AlignedBuffer(length);
        return right[slot]!.Pointer;
    }

    /// <summary>Room for one block of packed rows of the left operand.</summary>
    public float* Left() => (left ??= new AlignedBuffer(MatMulBlocking.LeftLength)).Pointer;

    public void Dispose()
    {
        foreach (var buffer in right) buffer?.Dispose();
        left?.Dispose();
    }
}
