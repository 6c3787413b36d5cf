namespace Coordinator.Worker.Kernels;

/// <summary>
/// Splits kernels among threads by rows, sequences or elements, never inside a sum: every element is computed by the operations
/// that one thread would have used, so the number of threads changes no bit. Reductions over rows run on one thread.
/// </summary>
internal sealed unsafe class ThreadedKernels : IKernels
{
    // Below this many elements a call costs less than handing it out.
    private const long LeastElements = 32768;
    private readonly IKernels[] workers;
    private readonly ParallelOptions options;

    /// <summary>Owns <paramref name="workers"/>, one for each thread: they have scratch memory of their own.</summary>
    public ThreadedKernels(IKernels[] workers)
    {
        this.workers = workers;
        options = new ParallelOptions { MaxDegreeOfParallelism = workers.Length };
    }

    public VectorWidth Width => workers[0].Width;

    public void MatMul(
        bool transposeA, bool transposeB, int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc, bool accumulate) =>
        Split(m, 24, (long)n * k / 16, (worker, from, count) => worker.MatMul(
            transposeA, transposeB, count, n, k, a
                + (transposeA ? from : (long)from * lda), lda, b, ldb, c + (long)from * ldc, ldc, accumulate));

    public void Add(float* acc, float* x, long count) =>
        SplitElements(count, (worker, from, part) => worker.Add(acc + from, x + from, part));

    public void AddRow(float* x, float* row, float* y, int rows, int columns) => Split(rows, 1, columns, (worker, from, count) =>
        worker.AddRow(x == null ? null : x + (long)from * columns, row, y + (long)from * columns, count, columns));

    public void ColumnSums(float* x, int rows, int columns, float* sums, bool accumulate) =>
        workers[0].ColumnSums(x, rows, columns, sums, accumulate);

    public void LayerNorm(float* x, float* gamma, float* beta, float* y, float* mean, float* rstd, int rows, int columns) =>
        Split(rows, 1, columns, (worker, from, count) => worker.LayerNorm(
            x + (long)from * columns, gamma, beta, y + (long)from * columns, mean + from, rstd + from, count, columns));

    public void LayerNormBackward(
        float* dy, float* x, float* gamma, float* mean, float* rstd, float* dx, float* dgamma, float* dbeta, int rows, int columns, bool accumulate) =>
        workers[0].LayerNormBackward(dy, x, gamma, mean, rstd, dx, dgamma, dbeta, rows, columns, accumulate);

    public void Gelu(float* x, float* y, long count) => SplitElements(count, (worker, from, part) => worker.Gelu(x + from, y + from, part));

    public void GeluBackward(float* x, float* dy, long count) =>
        SplitElements(count, (worker, from, part) => worker.GeluBackward(x + from, dy + from, part));

    public double CrossEntropy(float* logits, int* targets, int rows, int columns) =>
        workers[0].CrossEntropy(logits, targets, rows, columns);

    public void Attention(float* qkv, float* probabilities, float* output, AttentionShape shape, DropoutPlan dropout)
    {
        var (row, square) = Strides(shape);
        Split(shape.Batch, 1, LeastElements, (worker, from, count) => worker.Attention(
            qkv + 3 * from * row, probabilities + from * square, output + from * row,
            shape with { Batch = count }, dropout with { FirstPosition = dropout.FirstPosition + from }));
    }

    public void AttentionBackward(float* qkv, float* probabilities, float* doutput, float* dqkv, AttentionShape shape, DropoutPlan dropout)
    {
        var (row, square) = Strides(shape);
        Split(shape.Batch, 1, LeastElements, (worker, from, count) => worker.AttentionBackward(
            qkv + 3 * from * row, probabilities + from * square, doutput + from * row, dqkv + 3 * from * row,
            shape with { Batch = count }, dropout with { FirstPosition = dropout.FirstPosition + from }));
    }

    public void AdamW(float* p, float* m, float* v, float* g, long count, AdamWStep step) =>
        SplitElements(count, (worker, from, part) => worker.AdamW(p + from, m + from, v + from, g + from, part, step));

    public double SumOfSquares(float* x, long count) => workers[0].SumOfSquares(x, count);

    public void Dispose()
    {
        foreach (var worker in workers) worker.Dispose();
    }

    private static (long Row, long Square) Strides(AttentionShape shape) =>
        ((long)shape.Time * shape.Channels, (long)shape.Heads * shape.Time * shape.Time);

    // Rows in parts that are multiples of the unit, so that tiles stay whole.
    private void Split(int rows, int unit, long elementsInRow, Action<IKernels, int, int> run)
    {
        int units = (rows + unit - 1) / unit, parts = Math.Min(workers.Length, units);
        if (parts < 2 || rows * elementsInRow < LeastElements)
        {
            run(workers[0], 0, rows);
            return;
        }

        Parallel.For(0, parts, options, part =>
        {
            int from = Math.Min((int)((long)units * part / parts) * unit, rows), end = Math.Min(
                (int)((long)units * (part + 1) / parts) * unit, rows);
            run(workers[part], from, end - from);
        });
    }

    private void SplitElements(long count, Action<IKernels, long, long> run)
    {
        if (count < LeastElements)
        {
            run(workers[0], 0, count);
            return;
        }

        Parallel.For(0, workers.Length, options, part =>
        {
            long from = count * part / workers.Length, end = count * (part + 1) / workers.Length;
            run(workers[part], from, end - from);
        });
    }
}
