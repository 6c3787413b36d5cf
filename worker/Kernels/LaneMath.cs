using System.Runtime.CompilerServices;

namespace Coordinator.Worker.Kernels;

/// <summary>
/// Elementary functions over sixteen float32 lanes, made of correctly rounded operations in a fixed order, so that a lane's
/// result depends on that lane's argument alone: not on width, position or machine.
/// </summary>
internal static unsafe class LaneMath
{
    private const float Log2E = 1.44269504f;
    private const float Ln2High = 0.693145752f; // 15 bits, so that n * Ln2High is exact (Cody and Waite 1980)
    private const float Ln2Low = 1.42860677e-6f;
    private const float RoundShift = 12582912f; // 1.5 * 2^23: adding it rounds to a whole number

    /// <summary>
    /// e to the x, within 1 ulp for normal results; subnormal results and 0 below -87.3, infinity above 88.72, NaN for NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp<T>(T x)
        where T : struct, ILanes16<T>
    {
        // Clamped so that n stays in Scale's range. The bound comes first: a NaN compares false and passes through.
        x = T.Lesser(T.Broadcast(89f), T.Greater(T.Broadcast(-104f), x));
        var shifted = T.Fma(x, T.Broadcast(Log2E), T.Broadcast(RoundShift));
        var n = T.Subtract(shifted, T.Broadcast(RoundShift));
        var r = T.Fma(n, T.Broadcast(-Ln2High), x);
        r = T.Fma(n, T.Broadcast(-Ln2Low), r);

        // Taylor to r^7, |r| <= 0.347: the next term is below 2^-27.
        var p = T.Broadcast(1f / 5040);
        p = T.Fma(p, r, T.Broadcast(1f / 720));
        p = T.Fma(p, r, T.Broadcast(1f / 120));
        p = T.Fma(p, r, T.Broadcast(1f / 24));
        p = T.Fma(p, r, T.Broadcast(1f / 6));
        p = T.Fma(p, r, T.Broadcast(0.5f));
        p = T.Fma(p, r, T.Broadcast(1f));
        p = T.Fma(p, r, T.Broadcast(1f));
        return T.Scale(p, shifted);
    }

    /// <summary>1 / (1 + e^-x), within 3 ulp; 0 and 1 at the ends.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sigmoid<T>(T x)
        where T : struct, ILanes16<T>
    {
        var one = T.Broadcast(1f);
        return T.Divide(one, T.Add(one, Exp(T.Subtract(T.Broadcast(-0f), x))));
    }

    /// <summary>The first <paramref name="count"/> values (1 to 16) from memory, <paramref name="fill"/> in the lanes beyond.</summary>
    public static T LoadPartial<T>(float* source, int count, float fill)
        where T : struct, ILanes16<T>
    {
        var lanes = stackalloc float[16];
        for (var i = 0; i < 16; i++) lanes[i] = i < count ? source[i] : fill;
        return T.Load(lanes);
    }

    /// <summary>The first <paramref name="count"/> lanes (1 to 16) to memory.</summary>
    public static void StorePartial<T>(T value, float* destination, int count)
        where T : struct, ILanes16<T>
    {
        var lanes = stackalloc float[16];
        T.Store(value, lanes);
        for (var i = 0; i < count; i++) destination[i] = lanes[i];
    }
}
