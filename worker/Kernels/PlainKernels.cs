using Coordinator.Worker.Numerics;

namespace Coordinator.Worker.Kernels;

/// <summary>
/// The reference: each kernel as its formula reads, one element after the other, sums in float64. What the vector kernels are
/// checked against, and the place to look a formula up.
/// </summary>
internal sealed unsafe class PlainKernels : IKernels
{
    public VectorWidth Width => VectorWidth.Plain;

    public void MatMul(
        bool transposeA, bool transposeB, int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc, bool accumulate)
    {
        for (var i = 0; i < m; i++)
        {
            for (var j = 0; j < n; j++)
            {
                double sum = accumulate ? c[(long)i * ldc + j] : 0;
                for (var l = 0; l < k; l++)
                {
                    double left = transposeA ? a[(long)l * lda + i] : a[(long)i * lda + l];
                    double right = transposeB ? b[(long)j * ldb + l] : b[(long)l * ldb + j];
                    sum += left * right;
                }

                c[(long)i * ldc + j] = (float)sum;
            }
        }
    }

    public void Add(float* acc, float* x, long count)
    {
        for (long i = 0; i < count; i++) acc[i] += x[i];
    }

    public void AddRow(float* x, float* row, float* y, int rows, int columns)
    {
        for (long r = 0; r < rows; r++)
        {
            for (var j = 0; j < columns; j++) y[r * columns + j] = x == null ? row[j] : x[r * columns + j] + row[j];
        }
    }

    public void ColumnSums(float* x, int rows, int columns, float* sums, bool accumulate)
    {
        for (var j = 0; j < columns; j++)
        {
            double sum = accumulate ? sums[j] : 0;
            for (long r = 0; r < rows; r++) sum += x[r * columns + j];
            sums[j] = (float)sum;
        }
    }

    public void LayerNorm(float* x, float* gamma, float* beta, float* y, float* mean, float* rstd, int rows, int columns)
    {
        for (var r = 0; r < rows; r++, x += columns, y += columns)
        {
            double sum = 0, squares = 0;
            for (var j = 0; j < columns; j++) sum += x[j];
            var center = sum / columns;
            for (var j = 0; j < columns; j++) squares += (x[j] - center) * (x[j] - center);
            var inverse = 1 / Math.Sqrt(squares / columns + 1e-5);
            for (var j = 0; j < columns; j++) y[j] = (float)((x[j] - center) * inverse * gamma[j] + beta[j]);
            mean[r] = (float)center;
            rstd[r] = (float)inverse;
        }
    }

    public void LayerNormBackward(
        float* dy, float* x, float* gamma, float* mean, float* rstd, float* dx, float* dgamma, float* dbeta, int rows, int columns, bool accumulate)
    {
        if (!accumulate)
        {
            new Span<float>(dgamma, columns).Clear();
            new Span<float>(dbeta, columns).Clear();
        }

        for (var r = 0; r < rows; r++, x += columns, dy += columns, dx += columns)
        {
            double meanOfDn = 0, meanOfDnTimesN = 0;
            for (var j = 0; j < columns; j++)
            {
                double n = ((double)x[j] - mean[r]) * rstd[r], dn = (double)dy[j] * gamma[j];
                meanOfDn += dn / columns;
                meanOfDnTimesN += dn * n / columns;
                dgamma[j] += (float)(dy[j] * n);
                dbeta[j] += dy[j];
            }

            for (var j = 0; j < columns; j++)
            {
                double n = ((double)x[j] - mean[r]) * rstd[r], dn = (double)dy[j] * gamma[j];
                dx[j] += (float)((dn - meanOfDn - n * meanOfDnTimesN) * rstd[r]);
            }
        }
    }

    public void Gelu(float* x, float* y, long count)
    {
        for (long i = 0; i < count; i++) y[i] = (float)(0.5 * x[i] * (1 + DoubleMath.Tanh(GeluArgument(x[i]))));
    }

    public void GeluBackward(float* x, float* dy, long count)
    {
        for (long i = 0; i < count; i++)
        {
            var t = DoubleMath.Tanh(GeluArgument(x[i]));
            var slope = 0.79788456080286535588 * (1 + 3 * 0.044715 * x[i] * x[i]);
            dy[i] *= (float)(0.5 * (1 + t) + 0.5 * x[i] * (1 - t * t) * slope);
        }
    }

    public double CrossEntropy(float* logits, int* targets, int rows, int columns)
    {
        double loss = 0;
        for (var r = 0; r < rows; r++, logits += columns)
        {
            double max = double.NegativeInfinity, sum = 0;
            for (var j = 0; j < columns; j++) max = Math.Max(max, logits[j]);
            for (var j = 0; j < columns; j++) sum += DoubleMath.Exp(logits[j] - max);
            loss += DoubleMath.Log(sum) + max - logits[targets[r]];
            for (var j = 0; j < columns; j++) logits[j] = (float)(DoubleMath.Exp(logits[j] - max) / sum - (j == targets[r] ? 1 : 0));
        }

        return loss;
    }

    public void Attention(float* qkv, float* probabilities, float* output, AttentionShape shape, DropoutPlan dropout)
    {
        var (time, channels, size) = (shape.Time, shape.Channels, shape.HeadSize);
        var scale = 1 / Math.Sqrt(size);
        var kept = new float[time];
        for (var b = 0; b < shape.Batch; b++)
        {
            for (var h = 0; h < shape.Heads; h++)
            {
                float* q = qkv + (long)b * time * 3 * channels + h * size, k = q + channels, v = k + channels;
                for (var t = 0; t < time; t++)
                {
                    var row = ((long)h * time + t) * time;
                    var p = probabilities + (long)b * shape.Heads * time * time + row;
                    double max = double.NegativeInfinity, sum = 0;
                    for (var j = 0; j <= t; j++)
                    {
                        double dot = 0;
                        for (var i = 0; i < size; i++) dot += (double)q[(long)t * 3 * channels + i] * k[(long)j * 3 * channels + i];
                        p[j] = (float)(dot * scale);
                        max = Math.Max(max, p[j]);
                    }

                    for (var j = 0; j <= t; j++) sum += DoubleMath.Exp(p[j] - max);
                    for (var j = 0; j <= t; j++) kept[j] = p[j] = (float)(DoubleMath.Exp(p[j] - max) / sum);
                    dropout.Apply(b, row, kept.AsSpan(0, t + 1));
                    for (var i = 0; i < size; i++)
                    {
                        double y = 0;
                        for (var j = 0; j <= t; j++) y += (double)kept[j] * v[(long)j * 3 * channels + i];
                        output[((long)b * time + t) * channels + h * size + i] = (float)y;
                    }
                }
            }
        }
    }

    public void AttentionBackward(float* qkv, float* probabilities, float* doutput, float* dqkv, AttentionShape shape, DropoutPlan dropout)
    {
        var (time, channels, size) = (shape.Time, shape.Channels, shape.HeadSize);
        var scale = 1 / Math.Sqrt(size);
        new Span<float>(dqkv, shape.Batch * time * 3 * channels).Clear();
        float[] kept = new float[time], dp = new float[time];
        for (var b = 0; b < shape.Batch; b++)
        {
            for (var h = 0; h < shape.Heads; h++)
            {
                var start = (long)b * time * 3 * channels + h * size;
                float* q = qkv + start, k = q + channels, v = k + channels;
                float* dq = dqkv + start, dk = dq + channels, dv = dk + channels;
                for (var t = 0; t < time; t++)
                {
                    var row = ((long)h * time + t) * time;
                    var p = probabilities + (long)b * shape.Heads * time * time + row;
                    var dy = doutput + ((long)b * time + t) * channels + h * size;
                    double dot = 0;
                    for (var j = 0; j <= t; j++)
                    {
                        kept[j] = p[j];
                        double sum = 0;
                        for (var i = 0; i < size; i++) sum += (double)dy[i] * v[(long)j * 3 * channels + i];
                        dp[j] = (float)sum;
                    }

                    dropout.Apply(b, row, kept.AsSpan(0, t + 1));
                    dropout.Apply(b, row, dp.AsSpan(0, t + 1));
                    for (var j = 0; j <= t; j++) dot += (double)dp[j] * p[j];
                    for (var j = 0; j <= t; j++)
                    {
                        var ds = p[j] * (dp[j] - dot) * scale;
                        for (var i = 0; i < size; i++)
                        {
                            dq[(long)t * 3 * channels + i] += (float)(ds * k[(long)j * 3 * channels + i]);
                            dk[(long)j * 3 * channels + i] += (float)(ds * q[(long)t * 3 * channels + i]);
                            dv[(long)j * 3 * channels + i] += kept[j] * dy[i];
                        }
                    }
                }
            }
        }
    }

    public void AdamW(float* p, float* m, float* v, float* g, long count, AdamWStep step)
    {
        for (long i = 0; i < count; i++)
        {
            var gradient = (double)g[i] * step.Scale;
            m[i] = (float)(m[i] + (double)step.OneMinusBeta1 * (gradient - m[i]));
            v[i] = (float)((double)step.Beta2 * v[i] + (double)step.OneMinusBeta2 * gradient * gradient);
            p[i] = (float)((double)step.Decay * p[i] - step.StepSize * (m[i] / (Math.Sqrt(v[i]) * step.RootCorrection + step.Epsilon)));
        }
    }

    public double SumOfSquares(float* x, long count)
    {
        double sum = 0;
        for (long i = 0; i < count; i++) sum += (double)x[i] * x[i];
        return sum;
    }

    public void Dispose()
    {
    }

    private static double GeluArgument(double x) => 0.79788456080286535588 * (x + 0.044715 * x * x * x);
}
