namespace Coordinator.Worker.Kernels;

/// <summary>Blocking of the matrix product. KC decides bits and never changes; the rest is a matter of speed.</summary>
internal static class MatMulBlocking
{
    /// <summary>Terms of one block of the sum over k. Part of the device class: changing it changes trained models.</summary>
    public const int KC = 192;

    /// <summary>
    /// Rows of the left operand that are taken through all columns before the next; a multiple of every tile height (8, 6, 3).
    /// </summary>
    public const int MC = 96;

    /// <summary>Floats of a packed block of the left operand.</summary>
    public const int LeftLength = KC * MC;
}

/// <summary>The left operand [m, k] by strides: element (i, l) is at Data[i * RowStride + l * KStride]; one of the strides is 1.</summary>
internal readonly unsafe struct LeftMatrix(float* data, int rowStride, int kStride)
{
    public readonly float* Data = data;
    public readonly nint RowStride = rowStride;
    public readonly nint KStride = kStride;
}
