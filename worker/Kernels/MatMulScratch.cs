namespace Coordinator.Worker.Kernels;

/// <summary>Memory for packed operands; grows to the largest request and stays.</summary>
internal sealed unsafe class MatMulScratch : IDisposable
{
    private readonly AlignedBuffer?[] _right = new AlignedBuffer?[4];
    private AlignedBuffer? _left;

    /// <summary>Packed right operand number <paramref name="slot"/>, 0 to 3; up to four are held at once.</summary>
    public float* Right(int slot, long length)
    {
        if (_right[slot] is { } held && held.Length >= length) return held.Pointer;
        _right[slot]?.Dispose();
        _right[slot] = new AlignedBuffer(length);
        return _right[slot]!.Pointer;
    }

    /// <summary>Room for one block of packed rows of the left operand.</summary>
    public float* Left() => (_left ??= new AlignedBuffer(MatMulBlocking.LeftLength)).Pointer;

    public void Dispose()
    {
        foreach (AlignedBuffer? buffer in _right) buffer?.Dispose();
        _left?.Dispose();
    }
}
