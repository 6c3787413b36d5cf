using System.Runtime.CompilerServices;
using Coordinator.Programs;
using Coordinator.Worker.Kernels;
using Coordinator.Worker.Numerics;

namespace Coordinator.Worker.Programs;

/// <summary>The kernels as programs of others see them: every argument is looked at before a pointer is made of it.</summary>
/// <param name="kernels">What computes; not owned.</param>
internal sealed unsafe class SpanKernels(IKernels kernels) : IProgramKernels
{
    /// <summary>What computes, for the worker's own programs.</summary>
    public IKernels Inner => kernels;

    public void MatMul(
        bool transposeA, bool transposeB, int m, int n, int k, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> b, int ldb,
            Span<float> c, int ldc, bool accumulate)
    {
        Need(a, transposeA ? k : m, transposeA ? m : k, lda);
        Need(b, transposeB ? n : k, transposeB ? k : n, ldb);
        Need(c, m, n, ldc);
        if (m == 0 || n == 0) return;
        fixed (float* pa = a, pb = b, pc = c) kernels.MatMul(transposeA, transposeB, m, n, k, pa, lda, pb, ldb, pc, ldc, accumulate);
    }

    public void Add(Span<float> sum, ReadOnlySpan<float> x)
    {
        Need(x, 1, sum.Length, sum.Length);
        fixed (float* to = sum, from = x) kernels.Add(to, from, sum.Length);
    }

    public void AddRow(ReadOnlySpan<float> x, ReadOnlySpan<float> row, Span<float> y, int rows, int columns)
    {
        Need(x, rows, columns, columns);
        Need(row, 1, columns, columns);
        Need(y, rows, columns, columns);
        fixed (float* px = x, pr = row, py = y) kernels.AddRow(px, pr, py, rows, columns);
    }

    public void ColumnSums(ReadOnlySpan<float> x, int rows, int columns, Span<float> sums, bool accumulate)
    {
        Need(x, rows, columns, columns);
        Need(sums, 1, columns, columns);
        fixed (float* px = x, to = sums) kernels.ColumnSums(px, rows, columns, to, accumulate);
    }

    public void LayerNorm(
        ReadOnlySpan<float> x, ReadOnlySpan<float> gamma, ReadOnlySpan<float> beta, Span<float> y, Span<float> mean, Span<float> rstd,
            int rows, int columns)
    {
        Need(x, rows, columns, columns);
        Need(gamma, 1, columns, columns);
        Need(beta, 1, columns, columns);
        Need(y, rows, columns, columns);
        Need(mean, 1, rows, rows);
        Need(rstd, 1, rows, rows);
        fixed (float* px = x, pg = gamma, pb = beta, py = y, pm = mean, pr = rstd) kernels.LayerNorm(px, pg, pb, py, pm, pr, rows, columns);
    }

    public void LayerNormBackward(
        ReadOnlySpan<float> dy, ReadOnlySpan<float> x, ReadOnlySpan<float> gamma, ReadOnlySpan<float> mean, ReadOnlySpan<float> rstd,
            Span<float> dx, Span<float> dgamma, Span<float> dbeta, int rows, int columns, bool accumulate)
    {
        Need(dy, rows, columns, columns);
        Need(x, rows, columns, columns);
        Need(gamma, 1, columns, columns);
        Need(mean, 1, rows, rows);
        Need(rstd, 1, rows, rows);
        Need(dx, rows, columns, columns);
        Need(dgamma, 1, columns, columns);
        Need(dbeta, 1, columns, columns);
        fixed (float* pdy = dy, px = x, pg = gamma, pm = mean, pr = rstd, pdx = dx, pdg = dgamma, pdb = dbeta)
            kernels.LayerNormBackward(pdy, px, pg, pm, pr, pdx, pdg, pdb, rows, columns, accumulate);
    }

    public void Gelu(ReadOnlySpan<float> x, Span<float> y)
    {
        Need(y, 1, x.Length, x.Length);
        fixed (float* px = x, py = y) kernels.Gelu(px, py, x.Length);
    }

    public void GeluBackward(ReadOnlySpan<float> x, Span<float> dy)
    {
        Need(dy, 1, x.Length, x.Length);
        fixed (float* px = x, py = dy) kernels.GeluBackward(px, py, x.Length);
    }

    public double CrossEntropy(Span<float> logits, ReadOnlySpan<int> targets, int rows, int columns)
    {
        Need(logits, rows, columns, columns);
        if (targets.Length < rows) throw new ArgumentException($"There are {targets.Length} targets for {rows} rows.", nameof(targets));
        foreach (var target in targets[..rows])
        {
            if ((uint)target >= (uint)columns)
                throw new ArgumentException($"Target {target} is none of {columns} columns.", nameof(targets));
        }

        fixed (float* pl = logits)
        fixed (int* pt = targets) return kernels.CrossEntropy(pl, pt, rows, columns);
    }

    public void Exp(ReadOnlySpan<float> x, Span<float> y)
    {
        Need(y, 1, x.Length, x.Length);
        for (var i = 0; i < x.Length; i++) y[i] = (float)DoubleMath.Exp(x[i]);
    }

    public void Tanh(ReadOnlySpan<float> x, Span<float> y)
    {
        Need(y, 1, x.Length, x.Length);
        for (var i = 0; i < x.Length; i++) y[i] = (float)DoubleMath.Tanh(x[i]);
    }

    /// <exception cref="ArgumentException">A matrix of that shape does not lie in the span.</exception>
    private static void Need(ReadOnlySpan<float> matrix, int rows, int columns, int stored,
        [CallerArgumentExpression(nameof(matrix))] string name = "")
    {
        if (rows < 0 || columns < 0 || stored < columns)
            throw new ArgumentException($"{name} is to have {rows} rows of {columns} numbers, stored {stored} apart.", name);
        var needed = rows == 0 ? 0 : ((long)(rows - 1) * stored) + columns;
        if (matrix.Length < needed)
            throw new ArgumentException($"{name} has {matrix.Length} numbers, and {rows} rows of {columns} need {needed}.", name);
    }
}
