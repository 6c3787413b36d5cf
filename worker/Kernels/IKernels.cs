namespace Coordinator.Worker.Kernels;

/// <summary>
/// Everything a training program computes with, on row-major float32 matrices. Results depend on the arguments alone.
/// An instance has scratch memory of its own and serves one thread at a time.
/// </summary>
internal unsafe interface IKernels : IDisposable
{
    /// <summary>The width in use, never Auto.</summary>
    VectorWidth Width { get; }

    /// <summary>
    /// c[m, n] = op(a)[m, k] op(b)[k, n], or += with <paramref name="accumulate"/>. op(x) is x, or its transpose as stored:
    /// a is [m, k] or, transposed, [k, m]; b is [k, n] or, transposed, [n, k]. ld* are the lengths of stored rows.
    /// Each element is summed over k in rising order with fused multiply-add, in blocks of 192 that are added to c one after the other.
    /// </summary>
    void MatMul(
        bool transposeA, bool transposeB, int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc, bool accumulate);

    /// <summary>acc[i] += x[i].</summary>
    void Add(float* acc, float* x, long count);

    /// <summary>y[r, j] = x[r, j] + row[j]; y = row in every row where x is null. y may be x.</summary>
    void AddRow(float* x, float* row, float* y, int rows, int columns);

    /// <summary>sums[j] = (or +=) sum over r of x[r, j], rows in rising order from the first.</summary>
    void ColumnSums(float* x, int rows, int columns, float* sums, bool accumulate);

    /// <summary>
    /// Layer normalisation (Ba, Kiros, Hinton 2016) of each row: y = (x - mean) * rstd * gamma + beta with
    /// rstd = 1 / sqrt(variance + 1e-5). Overwrites y [rows, columns], mean [rows], rstd [rows].
    /// </summary>
    void LayerNorm(float* x, float* gamma, float* beta, float* y, float* mean, float* rstd, int rows, int columns);

    /// <summary>
    /// Gradients of <see cref="LayerNorm"/>: dx is always added to; dgamma and dbeta are overwritten, or added to with
    /// <paramref name="accumulate"/>, rows in rising order.
    /// </summary>
    void LayerNormBackward(
        float* dy, float* x, float* gamma, float* mean, float* rstd, float* dx, float* dgamma, float* dbeta, int rows, int columns, bool accumulate);

    /// <summary>y = gelu(x) in its tanh form (Hendrycks and Gimpel 2016): x / 2 * (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).</summary>
    void Gelu(float* x, float* y, long count);

    /// <summary>dy *= gelu'(x), in place.</summary>
    void GeluBackward(float* x, float* dy, long count);

    /// <summary>
    /// Sum over rows of -log softmax(logits[r])[targets[r]], in float64, rows in rising order. Overwrites logits [rows, columns]
    /// with the gradient of that sum (softmax minus one-hot).
    /// </summary>
    double CrossEntropy(float* logits, int* targets, int rows, int columns);

    /// <summary>
    /// Causal attention, scale 1 / sqrt(head size). Overwrites probabilities (before dropout; entries right of the diagonal are
    /// of no use) and output. Dropout acts on the probabilities; element (h T + t) T + j.
    /// </summary>
    void Attention(float* qkv, float* probabilities, float* output, AttentionShape shape, DropoutPlan dropout);

    /// <summary>Gradient of <see cref="Attention"/> with respect to qkv: overwrites dqkv [B, T, 3C].</summary>
    void AttentionBackward(float* qkv, float* probabilities, float* doutput, float* dqkv, AttentionShape shape, DropoutPlan dropout);

    /// <summary>One AdamW step in place on p, m, v [count]; g is only read.</summary>
    void AdamW(float* p, float* m, float* v, float* g, long count, AdamWStep step);

    /// <summary>Sum of squares in float64: sixteen lanes (element i in lane i mod 16), then the fixed tree.</summary>
    double SumOfSquares(float* x, long count);
}
