using System.Runtime.CompilerServices;

namespace Coordinator.Worker.Kernels;

/// <summary>
/// An operation on elements, by lanes. Tails go through the same lanes in a padded register, so an element's result does not
/// depend on where in the array it stands.
/// </summary>
internal interface IMap<T>
    where T : struct, ILanes16<T>
{
    /// <summary>The result for sixteen pairs of elements.</summary>
    static abstract T Apply(T x, T y);
}

internal sealed unsafe partial class SimdKernels<T>
{
    public void Add(float* acc, float* x, long count) => Map<AddMap>(acc, x, acc, count);

    public void AddRow(float* x, float* row, float* y, int rows, int columns)
    {
        for (long r = 0; r < rows; r++)
        {
            var to = y + r * columns;
            if (x == null) new ReadOnlySpan<float>(row, columns).CopyTo(new Span<float>(to, columns));
            else Map<AddMap>(x + r * columns, row, to, columns);
        }
    }

    public void Gelu(float* x, float* y, long count) => Map<GeluMap>(x, x, y, count);

    public void GeluBackward(float* x, float* dy, long count) => Map<GeluSlopeMap>(x, dy, dy, count);

    /// <summary>z[i] = map(x[i], y[i]); z may be x or y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Map<TMap>(float* x, float* y, float* z, long count)
        where TMap : struct, IMap<T>
    {
        long i = 0;
        for (; i + 16 <= count; i += 16) T.Store(TMap.Apply(T.Load(x + i), T.Load(y + i)), z + i);
        var rest = (int)(count - i);
        if (rest == 0) return;
        var tail = TMap.Apply(LaneMath.LoadPartial<T>(x + i, rest, 0f), LaneMath.LoadPartial<T>(y + i, rest, 0f));
        LaneMath.StorePartial(tail, z + i, rest);
    }

    private readonly struct AddMap : IMap<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply(T x, T y) => T.Add(x, y);
    }

    /// <summary>
    /// gelu(x) = x sigmoid(2u), since (1 + tanh u) / 2 = sigmoid(2u); 2u = x (a + b x^2), a = 2 sqrt(2/pi), b = 0.044715 a.
    /// </summary>
    private readonly struct GeluMap : IMap<T>
    {
        internal const float A = 1.5957691216057308f;
        internal const float B = 0.07135481627159f;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply(T x, T y)
        {
            var u2 = T.Multiply(x, T.Fma(T.Multiply(x, x), T.Broadcast(B), T.Broadcast(A)));
            return T.Multiply(x, LaneMath.Sigmoid(u2));
        }
    }

    /// <summary>With s = sigmoid(2u): gelu'(x) = s + x s (1 - s) (a + 3b x^2).</summary>
    private readonly struct GeluSlopeMap : IMap<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Apply(T x, T y)
        {
            var square = T.Multiply(x, x);
            var s = LaneMath.Sigmoid(T.Multiply(x, T.Fma(square, T.Broadcast(GeluMap.B), T.Broadcast(GeluMap.A))));
            var slope = T.Fma(square, T.Broadcast(3 * GeluMap.B), T.Broadcast(GeluMap.A));
            var inner = T.Multiply(T.Multiply(x, slope), T.Subtract(T.Broadcast(1f), s));
            return T.Multiply(y, T.Fma(s, inner, s));
        }
    }
}
