namespace Coordinator.Programs;

/// <summary>
/// What the coordinator's own programs compute with: row-major float32, the same bits at every vector width and on every machine of one
/// device class. Sums have one order each. All arguments are looked at: a span that is too short is an <see cref="ArgumentException"/>.
/// </summary>
public interface IProgramKernels
{
    /// <summary>
    /// c[m, n] = op(a)[m, k] op(b)[k, n], or += with <paramref name="accumulate"/>. op(x) is x, or its transpose as stored: a is [m, k] or,
    /// transposed, [k, m]; b is [k, n] or, transposed, [n, k]. ld* are the lengths of stored rows, so that part of a wider matrix will do.
    /// </summary>
    void MatMul(
        bool transposeA, bool transposeB, int m, int n, int k, ReadOnlySpan<float> a, int lda, ReadOnlySpan<float> b, int ldb,
            Span<float> c, int ldc, bool accumulate);

    /// <summary>sum[i] += x[i].</summary>
    void Add(Span<float> sum, ReadOnlySpan<float> x);

    /// <summary>y[r, j] = x[r, j] + row[j]. y may be x.</summary>
    void AddRow(ReadOnlySpan<float> x, ReadOnlySpan<float> row, Span<float> y, int rows, int columns);

    /// <summary>sums[j] = (or +=) sum over r of x[r, j], rows in rising order.</summary>
    void ColumnSums(ReadOnlySpan<float> x, int rows, int columns, Span<float> sums, bool accumulate);

    /// <summary>Layer normalisation of each row (Ba, Kiros, Hinton 2016): overwrites y [rows, columns], mean [rows] and rstd
    /// [rows].</summary>
    void LayerNorm(
        ReadOnlySpan<float> x, ReadOnlySpan<float> gamma, ReadOnlySpan<float> beta, Span<float> y, Span<float> mean, Span<float> rstd,
            int rows, int columns);

    /// <summary>Gradients of <see cref="LayerNorm"/>: dx is added to; dgamma and dbeta are overwritten, or added to.</summary>
    void LayerNormBackward(
        ReadOnlySpan<float> dy, ReadOnlySpan<float> x, ReadOnlySpan<float> gamma, ReadOnlySpan<float> mean, ReadOnlySpan<float> rstd,
            Span<float> dx, Span<float> dgamma, Span<float> dbeta, int rows, int columns, bool accumulate);

    /// <summary>y = gelu(x), in its tanh form.</summary>
    void Gelu(ReadOnlySpan<float> x, Span<float> y);

    /// <summary>dy *= gelu'(x), in place.</summary>
    void GeluBackward(ReadOnlySpan<float> x, Span<float> dy);

    /// <summary>
    /// Sum over rows of -log softmax(logits[r])[targets[r]], rows in rising order. Overwrites logits [rows, columns] with the gradient of
    /// that sum.
    /// </summary>
    double CrossEntropy(Span<float> logits, ReadOnlySpan<int> targets, int rows, int columns);

    /// <summary>y[i] = e to the x[i], computed in float64 and rounded once. y may be x.</summary>
    void Exp(ReadOnlySpan<float> x, Span<float> y);

    /// <summary>y[i] = tanh(x[i]), computed in float64 and rounded once. y may be x.</summary>
    void Tanh(ReadOnlySpan<float> x, Span<float> y);
}
