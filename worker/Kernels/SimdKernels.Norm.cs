using System.Runtime.CompilerServices;

namespace Coordinator.Worker.Kernels;

internal sealed unsafe partial class SimdKernels<T>
{
    private const float NormEpsilon = 1e-5f;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void LayerNorm(float* x, float* gamma, float* beta, float* y, float* mean, float* rstd, int rows, int columns)
    {
        int whole = columns & ~15, rest = columns & 15;
        for (var r = 0; r < rows; r++, x += columns, y += columns)
        {
            var sum = T.Broadcast(0f);
            for (var j = 0; j < whole; j += 16) sum = T.Add(sum, T.Load(x + j));
            if (rest != 0) sum = T.Add(sum, LaneMath.LoadPartial<T>(x + whole, rest, 0f));
            var center = T.Sum(sum) / columns;

            T middle = T.Broadcast(center), squares = T.Broadcast(0f);
            for (var j = 0; j < whole; j += 16)
            {
                var d = T.Subtract(T.Load(x + j), middle);
                squares = T.Fma(d, d, squares);
            }

            if (rest != 0)
            {
                var d = T.Subtract(LaneMath.LoadPartial<T>(x + whole, rest, center), middle);
                squares = T.Fma(d, d, squares);
            }

            var inverse = 1f / MathF.Sqrt(T.Sum(squares) / columns + NormEpsilon);
            var factor = T.Broadcast(inverse);
            for (var j = 0; j < whole; j += 16)
            {
                var n = T.Multiply(T.Subtract(T.Load(x + j), middle), factor);
                T.Store(T.Fma(n, T.Load(gamma + j), T.Load(beta + j)), y + j);
            }

            for (var j = whole; j < columns; j++)
                y[j] = MathF.FusedMultiplyAdd((x[j] - center) * inverse, gamma[j], beta[j]);

            mean[r] = center;
            rstd[r] = inverse;
        }
    }

    /// <summary>
    /// With n = (x - mean) rstd and g = dy gamma: dx += rstd (g - mean(g) - n mean(g n)), dgamma += dy n, dbeta += dy.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void LayerNormBackward(
        float* dy, float* x, float* gamma, float* mean, float* rstd, float* dx, float* dgamma, float* dbeta, int rows, int columns, bool accumulate)
    {
        if (!accumulate)
        {
            new Span<float>(dgamma, columns).Clear();
            new Span<float>(dbeta, columns).Clear();
        }

        int whole = columns & ~15, rest = columns & 15;
        for (var r = 0; r < rows; r++, x += columns, dy += columns, dx += columns)
        {
            T middle = T.Broadcast(mean[r]), factor = T.Broadcast(rstd[r]);
            T sumG = T.Broadcast(0f), sumGn = T.Broadcast(0f);
            for (var j = 0; j < whole; j += 16)
            {
                T n = T.Multiply(T.Subtract(T.Load(x + j), middle), factor), d = T.Load(dy + j);
                var g = T.Multiply(d, T.Load(gamma + j));
                sumG = T.Add(sumG, g);
                sumGn = T.Fma(g, n, sumGn);
                T.Store(T.Fma(d, n, T.Load(dgamma + j)), dgamma + j);
                T.Store(T.Add(T.Load(dbeta + j), d), dbeta + j);
            }

            if (rest != 0)
            {
                var n = T.Multiply(T.Subtract(LaneMath.LoadPartial<T>(x + whole, rest, mean[r]), middle), factor);
                var d = LaneMath.LoadPartial<T>(dy + whole, rest, 0f);
                var g = T.Multiply(d, LaneMath.LoadPartial<T>(gamma + whole, rest, 0f));
                sumG = T.Add(sumG, g);
                sumGn = T.Fma(g, n, sumGn);
                LaneMath.StorePartial(T.Fma(d, n, LaneMath.LoadPartial<T>(dgamma + whole, rest, 0f)), dgamma + whole, rest);
                LaneMath.StorePartial(T.Add(LaneMath.LoadPartial<T>(dbeta + whole, rest, 0f), d), dbeta + whole, rest);
            }

            float meanG = T.Sum(sumG) / columns, meanGn = T.Sum(sumGn) / columns;
            T shift = T.Broadcast(meanG), slope = T.Broadcast(-meanGn);
            for (var j = 0; j < whole; j += 16)
            {
                var n = T.Multiply(T.Subtract(T.Load(x + j), middle), factor);
                var g = T.Subtract(T.Multiply(T.Load(dy + j), T.Load(gamma + j)), shift);
                T.Store(T.Fma(T.Fma(n, slope, g), factor, T.Load(dx + j)), dx + j);
            }

            for (var j = whole; j < columns; j++)
            {
                var g = dy[j] * gamma[j] - meanG;
                var inner = MathF.FusedMultiplyAdd((x[j] - mean[r]) * rstd[r], -meanGn, g);
                dx[j] = MathF.FusedMultiplyAdd(inner, rstd[r], dx[j]);
            }
        }
    }
}
