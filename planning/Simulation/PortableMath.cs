namespace Coordinator.Planning.Simulation;

/// <summary>
/// Elementary functions from additions, multiplications and divisions alone, so that a seed gives the same report, to the last bit, on
/// every machine: the C library's differ from one version to the next in their last bits.
/// </summary>
internal static class PortableMath
{
    private const double Ln2High = 0.693147180369123816490, Ln2Low = 1.90821492927058770002e-10;

    /// <summary>Natural logarithm of a positive, normal number.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is neither.</exception>
    public static double Ln(double x)
    {
        if (!(x >= 2.2250738585072014e-308 && x <= double.MaxValue))
            throw new ArgumentOutOfRangeException(nameof(x), x, "must be positive, and normal");
        var bits = BitConverter.DoubleToInt64Bits(x);
        var exponent = (int)(bits >> 52) - 1023;
        var mantissa = BitConverter.Int64BitsToDouble((bits & 0x000F_FFFF_FFFF_FFFF) | 0x3FF0_0000_0000_0000);
        if (mantissa > 1.4142135623730951)
            (mantissa, exponent) = (mantissa / 2, exponent + 1);

        // ln m = 2 artanh s, of which |s| is below 0.172: eleven terms leave less than half a unit in the last place.
        double s = (mantissa - 1) / (mantissa + 1), square = s * s, sum = 0;
        for (var term = 21; term >= 1; term -= 2)
            sum = (sum * square) + (1.0 / term);
        return (exponent * Ln2High) + ((2 * s * sum) + (exponent * Ln2Low));
    }

    /// <summary>e to the power of <paramref name="x"/>; 0 where that is below what a normal number holds.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is above 709.</exception>
    public static double Exp(double x)
    {
        if (!(x <= 709))
            throw new ArgumentOutOfRangeException(nameof(x), x, "must be 709 at most");
        if (x < -708)
            return 0;
        var power = (int)Math.Round(x / (Ln2High + Ln2Low));
        double rest = x - (power * Ln2High) - (power * Ln2Low), sum = 1;
        for (var term = 14; term >= 1; term--)
            sum = 1 + (sum * rest / term);
        return sum * BitConverter.Int64BitsToDouble((long)(power + 1023) << 52);
    }

    /// <summary><paramref name="x"/>, which is positive, to the power of <paramref name="y"/>.</summary>
    public static double Pow(double x, double y) => Exp(y * Ln(x));

    /// <summary>ln of the gamma function for x of 0.5 or more: Lanczos' approximation with seven terms (error below 1e-10).</summary>
    public static double LnGamma(double x)
    {
        ReadOnlySpan<double> coefficients =
        [
            76.18009172947146, -86.50532032941677, 24.01409824083091, -1.231739572450155, 0.1208650973866179e-2, -0.5395239384953e-5,
        ];
        double series = 1.000000000190015, next = x;
        foreach (var coefficient in coefficients)
            series += coefficient / ++next;
        return Ln(2.5066282746310005 * series / x) - (x + 5.5 - ((x + 0.5) * Ln(x + 5.5)));
    }
}
