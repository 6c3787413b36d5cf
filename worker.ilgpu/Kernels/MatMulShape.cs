namespace Coordinator.Worker.Ilgpu.Kernels;

/// <summary>
/// c[M, N] = op(a)[M, K] op(b)[K, N] on row-major matrices with rows of LdA, LdB, LdC floats. What is added to the product before it
/// is stored, in this order: a row of N floats (a bias), a matrix like c (the residual stream, or c itself to accumulate).
/// </summary>
internal readonly struct MatMulShape(int m, int n, int k, int ldA, int ldB, int ldC, bool addRow, bool addMatrix)
{
    public readonly int M = m;
    public readonly int N = n;
    public readonly int K = k;
    public readonly int LdA = ldA;
    public readonly int LdB = ldB;
    public readonly int LdC = ldC;

    // Not bool: ILGPU wants blittable kernel arguments.
    public readonly int AddRow = addRow ? 1 : 0;
    public readonly int AddMatrix = addMatrix ? 1 : 0;
}
