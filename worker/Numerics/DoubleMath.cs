namespace Coordinator.Worker.Numerics;

/// <summary>
/// Elementary functions in float64 that give the same bits on every machine: nothing but correctly rounded operations
/// (add, multiply, divide, fused multiply-add, integer work on the bits) in a fixed order. The platform's own
/// <c>Math.Exp</c> and friends call the C library and differ from one system to the next.
/// Series are Taylor's, cut where the next term falls below half an ulp; reductions are Cody and Waite's
/// (Software Manual for the Elementary Functions, 1980).
/// </summary>
public static class DoubleMath
{
    private const double Ln2High = 6.93147180369123816490e-01; // the top 33 bits of ln 2, so that n * Ln2High is exact
    private const double Ln2Low = 1.90821492927058770002e-10;
    private const double Log2E = 1.44269504088896340736;

    /// <summary>
    /// e to the <paramref name="x"/>, within 1 ulp; infinity above 709.79, subnormals and 0 at the lower end, NaN for NaN.
    /// </summary>
    public static double Exp(double x)
    {
        if (double.IsNaN(x)) return x;
        if (x > 709.8) return double.PositiveInfinity;
        if (x < -745.2) return 0;

        var n = Math.Floor(Math.FusedMultiplyAdd(x, Log2E, 0.5));
        var r = Math.FusedMultiplyAdd(-n, Ln2Low, Math.FusedMultiplyAdd(-n, Ln2High, x));

        // e^r = 1 + r + r^2/2! + ... + r^13/13!, |r| <= 0.3466.
        var p = 1.0 / 6227020800;
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 479001600);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 39916800);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 3628800);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 362880);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 40320);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 5040);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 720);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 120);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 24);
        p = Math.FusedMultiplyAdd(p, r, 1.0 / 6);
        p = Math.FusedMultiplyAdd(p, r, 0.5);
        p = Math.FusedMultiplyAdd(p, r, 1.0);
        p = Math.FusedMultiplyAdd(p, r, 1.0);

        // Two factors, since 2^n itself may lie outside the normal range where the result does not.
        var whole = (long)n;
        var half = whole >> 1;
        return p * PowerOfTwo(half) * PowerOfTwo(whole - half);
    }

    /// <summary>Natural logarithm, within 2 ulp; minus infinity at 0, NaN below 0.</summary>
    public static double Log(double x)
    {
        if (double.IsNaN(x) || x < 0) return double.NaN;
        if (x == 0) return double.NegativeInfinity;
        if (double.IsPositiveInfinity(x)) return x;

        long exponent = 0;
        if (x < 2.2250738585072014e-308)
        {
            x *= 18014398509481984.0; // 2^54 lifts a subnormal into the normal range
            exponent = -54;
        }

        var bits = BitConverter.DoubleToInt64Bits(x);
        exponent += (bits >> 52) - 1023;
        var m = BitConverter.Int64BitsToDouble((bits & 0x000F_FFFF_FFFF_FFFF) | 0x3FF0_0000_0000_0000);
        if (m > 1.41421356237309504880)
        {
            m *= 0.5;
            exponent++;
        }

        // With f = m - 1 (exact) and s = f / (2 + f): log m = 2s + s*R, R = 2(z/3 + z^2/5 + ...), z = s^2;
        // and 2s = f - s*f, which keeps the leading term free of rounding (as in FreeBSD's e_log.c).
        var f = m - 1;
        var s = f / (2 + f);
        var z = s * s;
        var t = 2.0 / 25;
        t = Math.FusedMultiplyAdd(t, z, 2.0 / 23);
        t = Math.FusedMultiplyAdd(t, z, 2.0 / 21);
        t = Math.FusedMultiplyAdd(t, z, 2.0 / 19);
        t = Math.FusedMultiplyAdd(t, z, 2.0 / 17);
        t = Math.FusedMultiplyAdd(t, z, 2.0 / 15);
        t = Math.FusedMultiplyAdd(t, z, 2.0 / 13);
        t = Math.FusedMultiplyAdd(t, z, 2.0 / 11);
        t = Math.FusedMultiplyAdd(t, z, 2.0 / 9);
        t = Math.FusedMultiplyAdd(t, z, 2.0 / 7);
        t = Math.FusedMultiplyAdd(t, z, 2.0 / 5);
        t = Math.FusedMultiplyAdd(t, z, 2.0 / 3);
        var remainder = t * z;
        var tail = s * (f - remainder); // log m = f - tail
        return exponent == 0
            ? f - tail
            : Math.FusedMultiplyAdd(exponent, Ln2High, f - (tail - exponent * Ln2Low));
    }

    /// <summary>Hyperbolic tangent, within 3 ulp.</summary>
    public static double Tanh(double x)
    {
        var a = Math.Abs(x);
        if (a < 0.35)
        {
            // (e^2a - 1) / (e^2a + 1) by sinh and cosh series: no cancellation near 0.
            var z = a * a;
            var sinh = 1.0 / 355687428096000;
            sinh = Math.FusedMultiplyAdd(sinh, z, 1.0 / 1307674368000);
            sinh = Math.FusedMultiplyAdd(sinh, z, 1.0 / 6227020800);
            sinh = Math.FusedMultiplyAdd(sinh, z, 1.0 / 39916800);
            sinh = Math.FusedMultiplyAdd(sinh, z, 1.0 / 362880);
            sinh = Math.FusedMultiplyAdd(sinh, z, 1.0 / 5040);
            sinh = Math.FusedMultiplyAdd(sinh, z, 1.0 / 120);
            sinh = Math.FusedMultiplyAdd(sinh, z, 1.0 / 6);
            sinh = Math.FusedMultiplyAdd(sinh * z, a, a);
            var cosh = 1.0 / 20922789888000;
            cosh = Math.FusedMultiplyAdd(cosh, z, 1.0 / 87178291200);
            cosh = Math.FusedMultiplyAdd(cosh, z, 1.0 / 479001600);
            cosh = Math.FusedMultiplyAdd(cosh, z, 1.0 / 3628800);
            cosh = Math.FusedMultiplyAdd(cosh, z, 1.0 / 40320);
            cosh = Math.FusedMultiplyAdd(cosh, z, 1.0 / 720);
            cosh = Math.FusedMultiplyAdd(cosh, z, 1.0 / 24);
            cosh = Math.FusedMultiplyAdd(cosh, z, 0.5);
            cosh = Math.FusedMultiplyAdd(cosh, z, 1.0);
            return Math.CopySign(sinh / cosh, x);
        }

        return double.IsNaN(x) ? x : Math.CopySign(1 - 2 / (Exp(2 * a) + 1), x);
    }

    /// <summary>
    /// Sine and cosine of <paramref name="turns"/> whole circles (2 pi radians each), for |turns| below 2^50; absolute error below 3e-16.
    /// An angle in turns is reduced exactly, so there is no error from pi.
    /// </summary>
    public static (double Sin, double Cos) SinCosTurns(double turns)
    {
        var quarters = turns * 4;
        var nearest = Math.Floor(quarters + 0.5);
        var r = (quarters - nearest) * 1.57079632679489661923; // -pi/4 to pi/4
        var z = r * r;

        var s = 1.0 / 355687428096000;
        s = Math.FusedMultiplyAdd(s, z, -1.0 / 1307674368000);
        s = Math.FusedMultiplyAdd(s, z, 1.0 / 6227020800);
        s = Math.FusedMultiplyAdd(s, z, -1.0 / 39916800);
        s = Math.FusedMultiplyAdd(s, z, 1.0 / 362880);
        s = Math.FusedMultiplyAdd(s, z, -1.0 / 5040);
        s = Math.FusedMultiplyAdd(s, z, 1.0 / 120);
        s = Math.FusedMultiplyAdd(s, z, -1.0 / 6);
        s = Math.FusedMultiplyAdd(s * z, r, r);

        var c = 1.0 / 20922789888000;
        c = Math.FusedMultiplyAdd(c, z, -1.0 / 87178291200);
        c = Math.FusedMultiplyAdd(c, z, 1.0 / 479001600);
        c = Math.FusedMultiplyAdd(c, z, -1.0 / 3628800);
        c = Math.FusedMultiplyAdd(c, z, 1.0 / 40320);
        c = Math.FusedMultiplyAdd(c, z, -1.0 / 720);
        c = Math.FusedMultiplyAdd(c, z, 1.0 / 24);
        c = Math.FusedMultiplyAdd(c, z, -0.5);
        c = Math.FusedMultiplyAdd(c, z, 1.0);

        return ((long)nearest & 3) switch
        {
            0 => (s, c),
            1 => (c, -s),
            2 => (-s, -c),
            _ => (-c, s),
        };
    }

    /// <summary><paramref name="x"/> to a whole power, 0 or more, by squaring: at most 2 log2(n) roundings.</summary>
    public static double Power(double x, long exponent)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(exponent);
        double result = 1;
        for (var square = x; exponent > 0; exponent >>= 1, square *= square)
        {
            if ((exponent & 1) != 0) result *= square;
        }

        return result;
    }

    private static double PowerOfTwo(long n) => BitConverter.Int64BitsToDouble((n + 1023) << 52);
}
