namespace Coordinator.Worker.Kernels;

/// <summary>
/// The vector kernels at the width of <typeparamref name="T"/>. Parts: Elementwise, Reductions, Norm, Attention, Optimizer, MatMul.
/// </summary>
internal sealed unsafe partial class SimdKernels<T> : IKernels
    where T : struct, ILanes16<T>
{
    private readonly MatMulScratch scratch = new();

    public VectorWidth Width => T.Width;

    public void MatMul(
        bool transposeA, bool transposeB, int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc, bool accumulate)
    {
        if (m == 0 || n == 0) return;
        var packed = scratch.Right(0, PackedRight<T>.Length(k, n));
        PackedRight<T>.Pack(packed, b, ldb, transposeB, k, n);
        MatMulBlocks<T>.Multiply(
            new LeftMatrix(a, transposeA ? 1 : lda, transposeA ? lda : 1), packed, k, n, m, n, 0, k, c, ldc, accumulate, scratch.Left());
    }

    public void Dispose()
    {
        scratch.Dispose();
        attentionScratch?.Dispose();
    }
}
