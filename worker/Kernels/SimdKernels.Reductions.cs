using System.Runtime.CompilerServices;
using Coordinator.Worker.Numerics;

namespace Coordinator.Worker.Kernels;

internal sealed unsafe partial class SimdKernels<T>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public double SumOfSquares(float* x, long count)
    {
        var lanes = stackalloc double[16];
        long i = 0;
        for (; i + 16 <= count; i += 16) T.AddSquares(T.Load(x + i), lanes);
        if (i < count) T.AddSquares(LaneMath.LoadPartial<T>(x + i, (int)(count - i), 0f), lanes);
        return LaneTree.Sum(lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ColumnSums(float* x, int rows, int columns, float* sums, bool accumulate)
    {
        if (rows == 0)
        {
            if (!accumulate) new Span<float>(sums, columns).Clear();
            return;
        }

        var j = 0;
        for (; j + 32 <= columns; j += 32)
        {
            var from = x + j;
            T a = T.Load(from), b = T.Load(from + 16);
            if (accumulate) (a, b) = (T.Add(T.Load(sums + j), a), T.Add(T.Load(sums + j + 16), b));
            for (var r = 1; r < rows; r++)
            {
                from += columns;
                a = T.Add(a, T.Load(from));
                b = T.Add(b, T.Load(from + 16));
            }

            T.Store(a, sums + j);
            T.Store(b, sums + j + 16);
        }

        for (; j < columns; j++)
        {
            var sum = accumulate ? sums[j] + x[j] : x[j];
            for (long r = 1; r < rows; r++) sum += x[r * columns + j];
            sums[j] = sum;
        }
    }

    public double CrossEntropy(float* logits, int* targets, int rows, int columns)
    {
        double loss = 0;
        for (var r = 0; r < rows; r++, logits += columns)
        {
            var target = logits[targets[r]];
            var (max, sum) = Softmax(logits, columns, 1f);
            loss += DoubleMath.Log(sum) + ((double)max - target);
            logits[targets[r]] -= 1f;
        }

        return loss;
    }

    /// <summary>
    /// x = softmax(scale * x) in place over one row. Lane i mod 16 holds element i: maximum, then exponentials, their sum by lanes and
    /// tree, then a multiplication by 1 / sum.
    /// </summary>
    /// <returns>The largest scaled value, and the sum of exp(value - largest).</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float Max, float Sum) Softmax(float* x, int count, float scale)
    {
        int whole = count & ~15, rest = count & 15;
        var largest = rest == 0 ? T.Load(x) : LaneMath.LoadPartial<T>(x + whole, rest, float.NegativeInfinity);
        for (var i = 0; i < whole; i += 16) largest = T.Greater(T.Load(x + i), largest);
        var max = T.Max(largest) * scale;

        T factor = T.Broadcast(scale), shift = T.Broadcast(-max), total = T.Broadcast(0f);
        for (var i = 0; i < whole; i += 16)
        {
            var e = LaneMath.Exp(T.Fma(T.Load(x + i), factor, shift));
            total = T.Add(total, e);
            T.Store(e, x + i);
        }

        if (rest != 0)
        {
            // Lanes beyond the end hold exp(-infinity) = 0.
            var e = LaneMath.Exp(T.Fma(LaneMath.LoadPartial<T>(x + whole, rest, float.NegativeInfinity), factor, shift));
            total = T.Add(total, e);
            LaneMath.StorePartial(e, x + whole, rest);
        }

        var sum = T.Sum(total);
        var inverse = T.Broadcast(1f / sum);
        for (var i = 0; i < whole; i += 16) T.Store(T.Multiply(T.Load(x + i), inverse), x + i);
        for (var i = whole; i < count; i++) x[i] *= 1f / sum;
        return (max, sum);
    }
}
