using System.Runtime.CompilerServices;

namespace Coordinator.Worker.Kernels;

internal sealed unsafe partial class SimdKernels<T>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void AdamW(float* p, float* m, float* v, float* g, long count, AdamWStep step)
    {
        long i = 0;
        for (; i + 16 <= count; i += 16)
        {
            var (p1, m1, v1) = AdamW(T.Load(p + i), T.Load(m + i), T.Load(v + i), T.Load(g + i), step);
            T.Store(p1, p + i);
            T.Store(m1, m + i);
            T.Store(v1, v + i);
        }

        var rest = (int)(count - i);
        if (rest == 0) return;
        var (pTail, mTail, vTail) = AdamW(
            LaneMath.LoadPartial<T>(p + i, rest, 0f), LaneMath.LoadPartial<T>(m + i, rest, 0f),
            LaneMath.LoadPartial<T>(v + i, rest, 0f), LaneMath.LoadPartial<T>(g + i, rest, 0f), step);
        LaneMath.StorePartial(pTail, p + i, rest);
        LaneMath.StorePartial(mTail, m + i, rest);
        LaneMath.StorePartial(vTail, v + i, rest);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (T P, T M, T V) AdamW(T p, T m, T v, T g, in AdamWStep step)
    {
        g = T.Multiply(g, T.Broadcast(step.Scale));
        m = T.Fma(T.Broadcast(step.OneMinusBeta1), T.Subtract(g, m), m);
        v = T.Fma(T.Multiply(g, g), T.Broadcast(step.OneMinusBeta2), T.Multiply(v, T.Broadcast(step.Beta2)));
        var root = T.Fma(T.Sqrt(v), T.Broadcast(step.RootCorrection), T.Broadcast(step.Epsilon));
        p = T.Fma(T.Broadcast(-step.StepSize), T.Divide(m, root), T.Multiply(p, T.Broadcast(step.Decay)));
        return (p, m, v);
    }
}
