using ILGPU.IR.Intrinsics;

namespace Coordinator.Worker.Ilgpu.Numerics;

/// <summary>
/// Arithmetic of the device kernels, of correctly rounded operations in a fixed order. <see cref="Fma(float, float, float)"/> and
/// <see cref="Multiply"/> are intrinsics (<see cref="DeviceIntrinsics"/>): a compiler for a GPU may fuse a product and a sum that it
/// finds side by side, which would make the bits its own choice. Here every product that a sum may follow is either of the two.
/// The elementary functions are those of the worker's CPU kernels, for one element.
/// </summary>
internal static class DeviceMath
{
    private const float Log2E = 1.44269504f;
    private const float Ln2High = 0.693145752f; // 15 bits, so that n * Ln2High is exact (Cody and Waite 1980)
    private const float Ln2Low = 1.42860677e-6f;
    private const float RoundShift = 12582912f; // 1.5 * 2^23: adding it rounds to a whole number

    /// <summary>a b + c, rounded once.</summary>
    [IntrinsicImplementation]
    public static float Fma(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    /// <summary>a b + c in float64, rounded once.</summary>
    [IntrinsicImplementation]
    public static double Fma64(double a, double b, double c) => Math.FusedMultiplyAdd(a, b, c);

    /// <summary>a b, rounded by itself: never the first half of a fused operation.</summary>
    [IntrinsicImplementation]
    public static float Multiply(float a, float b) => a * b;

    /// <summary>a b in float64, rounded by itself.</summary>
    [IntrinsicImplementation]
    public static double Multiply64(double a, double b) => a * b;

    /// <summary>Square root, correctly rounded.</summary>
    [IntrinsicImplementation]
    public static float Sqrt(float x) => MathF.Sqrt(x);

    /// <summary>
    /// e to the x, within 1 ulp for normal results; subnormal results and 0 below -87.3, infinity above 88.72, NaN for NaN.
    /// </summary>
    public static float Exp(float x)
    {
        // Clamped so that n stays within what two factors can scale by. A NaN compares false and passes through.
        if (x < -104f) x = -104f;
        if (x > 89f) x = 89f;
        var shifted = Fma(x, Log2E, RoundShift);
        var n = shifted - RoundShift;
        var r = Fma(n, -Ln2High, x);
        r = Fma(n, -Ln2Low, r);

        // Taylor to r^7, |r| <= 0.347: the next term is below 2^-27.
        var p = Fma(1f / 5040, r, 1f / 720);
        p = Fma(p, r, 1f / 120);
        p = Fma(p, r, 1f / 24);
        p = Fma(p, r, 1f / 6);
        p = Fma(p, r, 0.5f);
        p = Fma(p, r, 1f);
        p = Fma(p, r, 1f);

        // Two factors, since 2^n itself may lie outside the normal range where the result does not.
        var whole = BitConverter.SingleToInt32Bits(shifted) - 0x4B400000;
        var half = whole >> 1;
        return Multiply(Multiply(p, PowerOfTwo(half)), PowerOfTwo(whole - half));
    }

    /// <summary>1 / (1 + e^-x), within 3 ulp; 0 and 1 at the ends.</summary>
    public static float Sigmoid(float x) => 1f / (1f + Exp(-x));

    /// <summary>Natural logarithm in float64 of a positive normal number, within 2 ulp.</summary>
    public static double Log(double x)
    {
        var bits = BitConverter.DoubleToInt64Bits(x);
        var exponent = (int)(bits >> 52) - 1023;
        var m = BitConverter.Int64BitsToDouble((bits & 0x000F_FFFF_FFFF_FFFF) | 0x3FF0_0000_0000_0000);
        if (m > 1.41421356237309504880)
        {
            m = Multiply64(m, 0.5);
            exponent++;
        }

        // With f = m - 1 (exact) and s = f / (2 + f): log m = f - s (f - R), R = 2(z/3 + z^2/5 + ...), z = s^2.
        var f = m - 1;
        var s = f / (2 + f);
        var z = Multiply64(s, s);
        var t = Fma64(2.0 / 25, z, 2.0 / 23);
        t = Fma64(t, z, 2.0 / 21);
        t = Fma64(t, z, 2.0 / 19);
        t = Fma64(t, z, 2.0 / 17);
        t = Fma64(t, z, 2.0 / 15);
        t = Fma64(t, z, 2.0 / 13);
        t = Fma64(t, z, 2.0 / 11);
        t = Fma64(t, z, 2.0 / 9);
        t = Fma64(t, z, 2.0 / 7);
        t = Fma64(t, z, 2.0 / 5);
        t = Fma64(t, z, 2.0 / 3);
        var tail = Multiply64(s, f - Multiply64(t, z));
        return Fma64(exponent, 6.93147180369123816490e-01, f - (tail - Multiply64(exponent, 1.90821492927058770002e-10)));
    }

    private static float PowerOfTwo(int n) => BitConverter.Int32BitsToSingle((n + 127) << 23);
}
